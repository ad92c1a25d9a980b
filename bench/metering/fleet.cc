#include "bench/metering/fleet.h"

#include <algorithm>
#include <functional>
#include <utility>

#include <grpcpp/support/proto_buffer_reader.h>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "libs/rpc/callback_threads.h"
#include "libs/rpc/security.h"

namespace peerwatt::bench {
namespace {

using metering::v1::Batch;
using metering::v1::StreamReadingsRequest;
using metering::v1::StreamReadingsResponse;
using Stub = grpc::TemplatedGenericStub<grpc::ByteBuffer, grpc::ByteBuffer>;

constexpr char kMethod[] = "/peerwatt.metering.v1.Metering/StreamReadings";
constexpr int64_t kQuarterS = 900;

grpc::ByteBuffer BytesOf(const google::protobuf::Message& message) {
  const std::string text = message.SerializeAsString();
  const grpc::Slice slice(text);
  return {&slice, 1};
}

std::shared_ptr<grpc::Channel> ChannelOf(const Connection& connection, const Identities& identities,
                                         int device) {
  grpc::SslCredentialsOptions ssl{identities.root_pem, identities.key_pem,
                                  identities.certificate_pems[static_cast<size_t>(device - 1)]};
  grpc::ChannelArguments arguments;
  arguments.SetSslTargetNameOverride("localhost");
  rpc::ReconnectSoon(arguments);
  // A device waits as long as its turn takes.
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 30'000);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  return grpc::CreateCustomChannel(connection.address, grpc::SslCredentials(ssl), arguments);
}

}  // namespace

// One device. Callbacks come one at a time per kind; a call that ends is followed by the next.
class FleetStream {
 public:
  FleetStream(Fleet& fleet, std::shared_ptr<grpc::Channel> channel, int device)
      : fleet_(fleet), channel_(std::move(channel)), stub_(channel_), device_(device) {}
  ~FleetStream() {
    absl::MutexLock lock(&mutex_);
    stop_ = true;
    if (call_ != nullptr) call_->context.TryCancel();
    mutex_.Await(absl::Condition(
        +[](FleetStream* self) ABSL_NO_THREAD_SAFETY_ANALYSIS { return self->call_ == nullptr; },
        this));
  }

  void Begin() {
    const absl::MutexLock lock(&mutex_);
    if (stop_) return;
    if (begun_at_ == absl::InfinitePast()) begun_at_ = absl::Now();
    call_ = std::make_unique<Call>(*this);
    stub_.PrepareBidiStreamingCall(&call_->context, kMethod, {}, call_.get());
    StreamReadingsRequest request;
    request.mutable_open();
    call_->request = BytesOf(request);
    writing_ = true;
    call_->AddHold();
    call_->StartRead(&call_->response);
    call_->StartWrite(&call_->request);
    call_->StartCall();
  }
  // Lets `count` more batches go, due now.
  void Allow(int64_t count, absl::Time now) {
    const absl::MutexLock lock(&mutex_);
    count = std::min(count, fleet_.load_.batches - allowed_);
    allowed_ += count;
    if (count > 0) due_.push_back({allowed_, now});
    SendNext();
  }
  void AddTo(Outcome& outcome) {
    const absl::MutexLock lock(&mutex_);
    outcome.acknowledged += answered_ - refused_;
    outcome.refused += refused_;
    outcome.retries += retries_;
    outcome.stored_readings += stored_;
    outcome.unchanged_readings += unchanged_;
    if (outcome.refusal.empty()) outcome.refusal = refusal_;
    outcome.latencies_ms.insert(outcome.latencies_ms.end(), latencies_ms_.begin(),
                                latencies_ms_.end());
  }

 private:
  struct Call final : grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
    explicit Call(FleetStream& owner) : stream(owner) {}
    void OnReadDone(bool ok) override { stream.OnRead(*this, ok); }
    void OnWriteDone(bool ok) override { stream.OnWritten(ok); }
    void OnDone(const grpc::Status& status) override { stream.OnDone(status); }
    FleetStream& stream;
    grpc::ClientContext context;
    grpc::ByteBuffer request;
    grpc::ByteBuffer response;
  };

  void OnRead(Call& call, bool ok) {
    const absl::MutexLock lock(&mutex_);
    if (!ok) {
      closed_ = true;
      call.RemoveHold();
      return;
    }
    Take(call.response);
    SendNext();
    call.StartRead(&call.response);
  }

  void Take(grpc::ByteBuffer& bytes) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const absl::Time now = absl::Now();
    if (fleet_.connection_.echo) {
      if (!std::exchange(opened_, true)) {
        window_ = fleet_.load_.window;
        fleet_.Opened(now - begun_at_);
      } else {
        Answered(answered_ + 1, now);
      }
      return;
    }
    StreamReadingsResponse response;
    grpc::ProtoBufferReader reader(&bytes);
    response.ParseFromZeroCopyStream(&reader);
    if (response.has_opened()) {
      window_ = std::min(fleet_.load_.window, response.opened().batches_in_flight_max());
      if (!std::exchange(opened_, true)) fleet_.Opened(now - begun_at_);
      return;
    }
    const auto& acknowledgement = response.acknowledgement();
    stored_ += acknowledgement.stored_count();
    unchanged_ += acknowledgement.unchanged_count();
    if (acknowledgement.status().code() != 0) {
      ++refused_;
      if (refusal_.empty()) refusal_ = acknowledgement.status().message();
    }
    Answered(acknowledgement.sequence() - fleet_.load_.first_sequence + 1, now);
  }

  // All up to batch number `count` are answered.
  void Answered(int64_t count, absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    for (; answered_ < count && answered_ < sent_; ++answered_) {
      while (due_.front().first <= answered_) due_.pop_front();
      latencies_ms_.push_back(absl::ToDoubleMilliseconds(now - due_.front().second));
    }
    if (answered_ == fleet_.load_.batches && !std::exchange(finished_, true)) fleet_.Finished();
  }

  void SendNext() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (writing_ || closed_ || !opened_ || sent_ >= allowed_ || sent_ - answered_ >= window_) {
      return;
    }
    Fill(sent_++);
    call_->request = BytesOf(message_);
    writing_ = true;
    call_->StartWrite(&call_->request);
  }

  void Fill(int64_t number) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const Load& load = fleet_.load_;
    Batch& batch = *message_.mutable_batch();
    batch.set_sequence(load.first_sequence + number);
    while (batch.series_size() < load.series_per_batch) batch.add_series();
    for (int i = 0; i < load.series_per_batch; ++i) {
      const int64_t place = number * load.series_per_batch + i;
      const int64_t point = place % load.points_per_device;
      const int64_t first = place / load.points_per_device * load.values_per_series;
      auto& series = *batch.mutable_series(i);
      series.set_metering_point(absl::StrCat("meteringPoints/bench-", device_, "-", point, "x"));
      series.mutable_start_time()->set_seconds(load.start_s + first * kQuarterS);
      series.mutable_resolution()->set_seconds(kQuarterS);
      series.clear_import_energy_wh();
      for (int64_t k = 0; k < load.values_per_series; ++k) {
        series.add_import_energy_wh((point * 7 + (first + k) * 13 + device_) % 900);
      }
    }
  }

  void OnWritten(bool ok) {
    const absl::MutexLock lock(&mutex_);
    writing_ = false;
    if (ok) SendNext();
  }

  void OnDone(const grpc::Status& status) {
    bool again = false;
    {
      const absl::MutexLock lock(&mutex_);
      // Its context holds the channel, whose last owner may not be a thread of gRPC's: it goes
      // before the stream can.
      call_ = nullptr;
      again = !stop_;
      if (again) {
        ++retries_;
        if (refusal_.empty() && status.error_code() != grpc::StatusCode::UNAVAILABLE) {
          refusal_ = status.error_message();
        }
        closed_ = writing_ = false;
        // What was not answered is sent again; opening comes first.
        sent_ = answered_;
        window_ = 0;
      }
    }
    if (again) Begin();
  }

  Fleet& fleet_;
  const std::shared_ptr<grpc::Channel> channel_;
  Stub stub_;
  const int device_;
  absl::Mutex mutex_;
  std::unique_ptr<Call> call_ ABSL_GUARDED_BY(mutex_);
  StreamReadingsRequest message_ ABSL_GUARDED_BY(mutex_);
  absl::Time begun_at_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  std::deque<std::pair<int64_t, absl::Time>> due_ ABSL_GUARDED_BY(mutex_);  ///< up to which, when
  std::vector<double> latencies_ms_ ABSL_GUARDED_BY(mutex_);
  std::string refusal_ ABSL_GUARDED_BY(mutex_);
  int64_t allowed_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t sent_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t answered_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t refused_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t stored_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t unchanged_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t retries_ ABSL_GUARDED_BY(mutex_) = 0;
  int window_ ABSL_GUARDED_BY(mutex_) = 0;
  bool opened_ ABSL_GUARDED_BY(mutex_) = false;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
  bool stop_ ABSL_GUARDED_BY(mutex_) = false;
};

Fleet::Fleet(Connection connection, const Load& load, const Identities& identities,
             int first_device, int count)
    : connection_(std::move(connection)), load_(load) {
  rpc::KeepCallbackThreads();
  for (int i = 0; i < count; ++i) {
    const int device = first_device + i;
    streams_.push_back(std::make_unique<FleetStream>(
        *this, ChannelOf(connection_, identities, device), device));
  }
}

Fleet::~Fleet() = default;

void Fleet::Opened(absl::Duration wait) {
  const absl::MutexLock lock(&mutex_);
  ++opened_;
  waits_s_.push_back(absl::ToDoubleSeconds(wait));
}

void Fleet::Finished() {
  const absl::MutexLock lock(&mutex_);
  ++finished_;
}

void Fleet::Open() {
  const absl::Time begin = absl::Now();
  for (size_t i = 0; i < streams_.size(); ++i) {
    if (connection_.per_second > 0) {
      absl::SleepFor(begin + absl::Seconds(static_cast<double>(i) /
                                           static_cast<double>(connection_.per_second)) -
                     absl::Now());
    }
    streams_[i]->Begin();
  }
  const auto all = [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    return opened_ == static_cast<int>(streams_.size());
  };
  const absl::MutexLock lock(&mutex_);
  mutex_.Await(absl::Condition(&all));
}

void Fleet::Send(double batches_per_second) {
  const absl::Time begin = absl::Now();
  const int64_t total = load_.batches * static_cast<int64_t>(streams_.size());
  if (batches_per_second <= 0) {
    for (const auto& stream : streams_) stream->Allow(load_.batches, begin);
  } else {
    for (int64_t next = 0; next < total; absl::SleepFor(absl::Milliseconds(1))) {
      const absl::Time now = absl::Now();
      const auto due = static_cast<int64_t>(absl::ToDoubleSeconds(now - begin) *
                                            batches_per_second);
      for (; next < std::min(due, total); ++next) {
        streams_[static_cast<size_t>(next) % streams_.size()]->Allow(1, now);
      }
    }
  }
  const auto all = [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    return finished_ == static_cast<int>(streams_.size());
  };
  const absl::MutexLock lock(&mutex_);
  mutex_.Await(absl::Condition(&all));
}

Outcome Fleet::outcome() {
  Outcome outcome;
  for (const auto& stream : streams_) stream->AddTo(outcome);
  std::sort(outcome.latencies_ms.begin(), outcome.latencies_ms.end());
  const absl::MutexLock lock(&mutex_);
  outcome.waits_s = waits_s_;
  std::sort(outcome.waits_s.begin(), outcome.waits_s.end());
  return outcome;
}

int64_t Fleet::readings() const {
  return load_.batches * load_.series_per_batch * load_.values_per_series *
         static_cast<int64_t>(streams_.size());
}

}  // namespace peerwatt::bench
