#include "tests/unit/agent/fake_metering.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "libs/base/check.h"
#include "libs/base/error.h"
#include "libs/rpc/status.h"

namespace peerwatt::testing {
namespace {

constexpr char kDomain[] = "metering.peerwatt.dev";
constexpr ErrorReason kRefused{"METERING_POINT_UNKNOWN", absl::StatusCode::kNotFound};

}  // namespace

FakeMetering::FakeMetering(Faults faults) : faults_(std::move(faults)), random_(faults_.seed) {
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
  builder.RegisterService(this);
  server_ = builder.BuildAndStart();
  PW_CHECK(server_ != nullptr, "a port for the fake server");
}

FakeMetering::~FakeMetering() {
  CancelStreams();
  server_->Shutdown(std::chrono::system_clock::now());
}

std::shared_ptr<grpc::Channel> FakeMetering::NewChannel() const {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(absl::StrCat("127.0.0.1:", port_),
                                   grpc::InsecureChannelCredentials(), arguments);
}

std::map<FakeMetering::Key, int64_t> FakeMetering::stored() const {
  absl::MutexLock lock(&mutex_);
  return stored_;
}
bool FakeMetering::conflicts() const {
  absl::MutexLock lock(&mutex_);
  return conflicts_;
}
bool FakeMetering::in_order() const {
  absl::MutexLock lock(&mutex_);
  return in_order_;
}
int64_t FakeMetering::position() const {
  absl::MutexLock lock(&mutex_);
  return position_;
}
int64_t FakeMetering::streams() const {
  absl::MutexLock lock(&mutex_);
  return streams_;
}
int64_t FakeMetering::batches_received() const {
  absl::MutexLock lock(&mutex_);
  return received_;
}
void FakeMetering::SetPosition(int64_t position) {
  absl::MutexLock lock(&mutex_);
  position_ = position;
  handled_ = position;
}
void FakeMetering::Forget() {
  absl::MutexLock lock(&mutex_);
  stored_.clear();
  position_ = 0;
  handled_ = 0;
}
bool FakeMetering::WaitForBatches(int64_t count) const {
  absl::MutexLock lock(&mutex_);
  const auto reached = [this, count]()
                           ABSL_NO_THREAD_SAFETY_ANALYSIS { return received_ >= count; };
  return mutex_.AwaitWithTimeout(absl::Condition(&reached), absl::Seconds(10));
}
void FakeMetering::CancelStreams() {
  absl::MutexLock lock(&mutex_);
  for (grpc::ServerContext* context : contexts_) context->TryCancel();
}

bool FakeMetering::Chance(int percent) {
  return static_cast<int>(random_() % 100) < percent;
}

void FakeMetering::Store(const metering::v1::Batch& batch) {
  for (const auto& series : batch.series()) {
    for (int i = 0; i < series.import_energy_wh_size(); ++i) {
      const int64_t start = series.start_time().seconds() + i * series.resolution().seconds();
      int64_t energy = series.import_energy_wh(i);
      if (i < series.export_energy_wh_size()) energy += series.export_energy_wh(i);
      if (faults_.lost_starts.contains(start)) continue;
      const auto [at, is_new] = stored_.emplace(Key{series.metering_point(), start}, energy);
      conflicts_ = conflicts_ || at->second != energy;
    }
  }
}

std::vector<metering::v1::Batch> FakeMetering::signed_batches() const {
  absl::MutexLock lock(&mutex_);
  return signed_batches_;
}

FakeMetering::Fate FakeMetering::Judge(
    const metering::v1::Batch& batch,
    metering::v1::StreamReadingsResponse::Acknowledgement& answer) {
  absl::MutexLock lock(&mutex_);
  ++received_;
  if (batch.has_signature()) signed_batches_.push_back(batch);
  if (faults_.silent_after >= 0 && received_ > faults_.silent_after) return Fate::kSilent;
  if (Chance(faults_.break_before_percent)) return Fate::kBreakBefore;
  answer.set_sequence(batch.sequence());
  const bool after_deferred =
      faults_.keeps_order && deferred_ != 0 && batch.sequence() > deferred_;
  if (after_deferred || Chance(faults_.defer_percent)) {
    if (!after_deferred) deferred_ = batch.sequence();
    *answer.mutable_status() =
        rpc::ToRpcStatus(Error(kDatabaseUnavailable, "no database"), kDomain);
    return Fate::kAnswer;
  }
  if (batch.sequence() == deferred_) deferred_ = 0;
  if (batch.sequence() > handled_) {
    in_order_ = in_order_ && batch.sequence() == handled_ + 1;
    handled_ = batch.sequence();
  }
  for (const auto& series : batch.series()) {
    if (!faults_.refused_starts.contains(series.start_time().seconds())) continue;
    *answer.mutable_status() = rpc::ToRpcStatus(Error(kRefused, "no such point"), kDomain);
    return Fate::kAnswer;
  }
  Store(batch);
  position_ = std::max(position_, batch.sequence());
  return Chance(faults_.break_after_percent) ? Fate::kBreakAfter : Fate::kAnswer;
}

grpc::Status FakeMetering::StreamReadings(
    grpc::ServerContext* context,
    grpc::ServerReaderWriter<metering::v1::StreamReadingsResponse,
                             metering::v1::StreamReadingsRequest>* stream) {
  metering::v1::StreamReadingsRequest request;
  if (!stream->Read(&request) || !request.has_open()) {
    return {grpc::StatusCode::INVALID_ARGUMENT, "the first message is open"};
  }
  metering::v1::StreamReadingsResponse response;
  {
    absl::MutexLock lock(&mutex_);
    ++streams_;
    deferred_ = 0;
    contexts_.insert(context);
    response.mutable_opened()->set_acknowledged_sequence(position_);
    response.mutable_opened()->set_batches_in_flight_max(faults_.window);
  }
  stream->Write(response);
  grpc::Status status;
  metering::v1::StreamReadingsResponse held_back;
  int held_count = 0;
  while (status.ok() && stream->Read(&request)) {
    response.Clear();
    switch (Judge(request.batch(), *response.mutable_acknowledgement())) {
      case Fate::kBreakBefore:
      case Fate::kBreakAfter:
        status = {grpc::StatusCode::UNAVAILABLE, "broken on purpose"};
        break;
      case Fate::kAnswer:
        if (response.acknowledgement().status().code() == 0) {
          held_back = response;
          if (++held_count < faults_.batches_per_acknowledgement) break;
        } else if (held_count > 0) {
          stream->Write(held_back);
        }
        held_count = 0;
        stream->Write(response);
        break;
      case Fate::kSilent:
        break;
    }
  }
  absl::MutexLock lock(&mutex_);
  contexts_.erase(context);
  return status;
}

}  // namespace peerwatt::testing
