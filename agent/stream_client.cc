#include "agent/stream_client.h"

#include <algorithm>
#include <utility>

#include <grpcpp/grpcpp.h>

#include "absl/strings/str_cat.h"
#include "agent/batch_content.h"
#include "agent/errors.h"
#include "agent/random.h"
#include "libs/base/error.h"
#include "libs/base/log.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/status.h"
#include "peerwatt/metering/v1/metering.grpc.pb.h"

namespace peerwatt::agent {
namespace {

using metering::v1::Batch;
using metering::v1::StreamReadingsRequest;
using metering::v1::StreamReadingsResponse;

// Whether the same batch can be taken later. When in doubt it is sent again: only what names the
// batch itself as wrong is put aside.
bool CanPass(const absl::Status& status) {
  if (DetailOf(status).retryable) return true;
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kAlreadyExists:
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kOutOfRange:
    case absl::StatusCode::kUnimplemented:
      return false;
    default:
      return true;
  }
}

absl::Status Broken(absl::string_view what) {
  return absl::InternalError(absl::StrCat("the server ", what));
}

}  // namespace

int64_t ReadingCount(const Batch& batch) {
  int64_t count = 0;
  for (const auto& series : batch.series()) count += series.import_energy_wh_size();
  for (const auto& series : batch.registers()) count += series.energy_wh_size();
  return count;
}

// One call. gRPC calls it one reaction at a time per kind; it deletes itself after the last. By
// then it has let go of the channel: were that the last in the process, gRPC 1.51 would wait, in
// its own callback thread, for that very thread to end.
class StreamClient::Stream final
    : public grpc::ClientBidiReactor<StreamReadingsRequest, StreamReadingsResponse> {
 public:
  Stream(StreamClient& owner, const std::shared_ptr<grpc::Channel>& channel)
      : owner_(owner), stub_(metering::v1::Metering::NewStub(channel)) {
    context_.emplace();
  }

  // Sends `open`. The hold keeps the call alive while writes may come from outside a reaction.
  void Start() {
    stub_->async()->StreamReadings(&*context_, this);
    request_.mutable_open();
    AddHold();
    StartRead(&response_);
    StartWrite(&request_);
    StartCall();
  }
  void Write(const Batch& batch) {
    *request_.mutable_batch() = batch;
    StartWrite(&request_);
  }
  void ReadNext() { StartRead(&response_); }
  void Cancel() { context_->TryCancel(); }
  // No write follows.
  void Release() {
    if (std::exchange(released_, true)) return;
    RemoveHold();
  }
  bool released() const { return released_; }
  const StreamReadingsResponse& response() const { return response_; }

  void OnReadDone(bool ok) override { owner_.OnRead(*this, ok); }
  void OnWriteDone(bool ok) override { owner_.OnWritten(*this, ok); }
  void OnDone(const grpc::Status& status) override {
    const absl::Status cause = rpc::FromGrpcStatus(status);
    const absl::Duration asked = RetryDelayOf(status.error_details());
    owner_.BeforeDone();
    stub_.reset();
    context_.reset();
    owner_.OnDone(cause, asked);
    delete this;
  }

 private:
  StreamClient& owner_;
  std::unique_ptr<metering::v1::Metering::Stub> stub_;
  std::optional<grpc::ClientContext> context_;
  StreamReadingsRequest request_;
  StreamReadingsResponse response_;
  bool released_ = false;
};

StreamClient::StreamClient(StreamOptions options, Buffer& buffer, DeliveryObserver& observer)
    : options_(std::move(options)),
      buffer_(buffer),
      observer_(observer),
      backoff_(options_.backoff_min, options_.backoff_max, options_.jitter_key),
      backlog_limit_(options_.backlog_batches_per_second, options_.backlog_burst) {}

StreamClient::~StreamClient() {
  absl::MutexLock lock(&mutex_);
  channel_ = nullptr;
  if (stream_ != nullptr && !ending_) stream_->Cancel();
  mutex_.Await(absl::Condition(
      +[](StreamClient* self) ABSL_NO_THREAD_SAFETY_ANALYSIS { return self->stream_ == nullptr; },
      this));
}

void StreamClient::Connect(std::shared_ptr<grpc::Channel> channel,
                           std::shared_ptr<const crypto::Signer> signer) {
  absl::MutexLock lock(&mutex_);
  signer_ = std::move(signer);
  channel_ = std::move(channel);
  connect_at_ = absl::InfinitePast();
  if (stream_ != nullptr && !ending_) stream_->Cancel();
}

void StreamClient::Poll(absl::Time now) {
  absl::MutexLock lock(&mutex_);
  now_ = now;
  if (stream_ == nullptr) {
    if (channel_ != nullptr && !std::exchange(spread_, true)) {
      connect_at_ = now + options_.connect_spread * UnitOf(~options_.jitter_key, 0);
    }
    if (channel_ == nullptr || now < connect_at_) return;
    answer_at_ = now;
    ++state_.attempts;
    write_pending_ = true;
    stream_channel_ = channel_;
    stream_ = new Stream(*this, channel_);
    stream_->Start();
    return;
  }
  const bool waits = !state_.connected || !in_flight_.empty();
  if (!waits) answer_at_ = now;
  if (now - answer_at_ > options_.answer_timeout) {
    answer_at_ = now;
    Abandon(absl::DeadlineExceededError("no answer from the server"));
  } else if (absl::Status status = SendNext(); !status.ok()) {
    Abandon(status);
  }
}

StreamState StreamClient::state() const {
  absl::MutexLock lock(&mutex_);
  return state_;
}

void StreamClient::Abandon(const absl::Status& why) {
  if (stream_ == nullptr || ending_ || stream_->released()) return;
  Log(Severity::kWarning, "the stream of readings is given up and made again",
      {{"device", options_.device}, {"cause", std::string(why.message())}});
  stream_->Cancel();
}

void StreamClient::OnWritten(Stream& stream, bool ok) {
  absl::MutexLock lock(&mutex_);
  write_pending_ = false;
  if (!ok) return;  // the read ends too and says why
  if (absl::Status status = SendNext(); !status.ok() && &stream == stream_) Abandon(status);
}

void StreamClient::OnRead(Stream& stream, bool ok) {
  {
    absl::MutexLock lock(&mutex_);
    if (!ok) {
      stream.Release();
      return;
    }
    answer_at_ = now_;
    const StreamReadingsResponse& response = stream.response();
    absl::Status status;
    if (response.has_opened() && !state_.connected) {
      status = OnOpened(response.opened());
    } else if (response.has_acknowledgement() && state_.connected) {
      status = OnAcknowledgement(response.acknowledgement());
    } else {
      status = Broken("answered out of turn");
    }
    if (status.ok()) status = SendNext();
    if (!status.ok()) Abandon(status);
    stream.ReadNext();
  }
  observer_.OnProgress();
}

absl::Status StreamClient::OnOpened(const StreamReadingsResponse::Opened& opened) {
  const BufferState buffer = buffer_.state();
  const int64_t theirs = opened.acknowledged_sequence();
  next_index_ = buffer.acknowledged_index + 1;
  if (!buffer.sequence_offset.has_value()) {
    // A new buffer, perhaps of a device that lost its old one: count on from the server.
    sequence_offset_ = theirs - buffer.acknowledged_index;
    PW_RETURN_IF_ERROR(buffer_.SetSequenceOffset(sequence_offset_));
  } else if (theirs - *buffer.sequence_offset > buffer.last_index) {
    // The server knows batches that are not ours: this folder is an old copy. Every batch that
    // waits gets a new number; the server sees from its readings whether it knows them.
    sequence_offset_ = theirs - buffer.acknowledged_index;
    PW_RETURN_IF_ERROR(buffer_.SetSequenceOffset(sequence_offset_));
    Log(Severity::kWarning, "the server is ahead of the buffer; waiting batches are renumbered",
        {{"device", options_.device}, {"acknowledged_sequence", theirs}});
  } else {
    sequence_offset_ = *buffer.sequence_offset;
    int64_t oldest = std::max(theirs - sequence_offset_ + 1, int64_t{1});
    while (oldest < next_index_ && buffer_.IsRefused(oldest)) ++oldest;
    if (oldest < next_index_) {
      // The server forgot what it acknowledged, as after a restore: send again what is still held.
      next_index_ = std::clamp(buffer.first_index, oldest, next_index_);
      Log(next_index_ > oldest ? Severity::kError : Severity::kWarning,
          "the server is behind its own acknowledgements; sending again what is still held",
          {{"device", options_.device}, {"acknowledged_sequence", theirs},
           {"batches_again", buffer.acknowledged_index + 1 - next_index_},
           {"batches_gone", next_index_ - oldest}});
    }
  }
  window_ = static_cast<size_t>(
      std::clamp(opened.batches_in_flight_max(), 1, options_.batches_in_flight_max));
  state_.connected = true;
  ++state_.connections;
  if (buffer.acknowledged_index == buffer.last_index) backoff_.Reset();
  backlog_end_ = buffer.last_index;
  return absl::OkStatus();
}

absl::Status StreamClient::OnAcknowledgement(
    const StreamReadingsResponse::Acknowledgement& acknowledgement) {
  const absl::Status answer = rpc::FromRpcStatus(acknowledgement.status());
  const int64_t index = acknowledgement.sequence() - sequence_offset_;
  // Only one that says OK may speak for those before it.
  const bool in_turn = !in_flight_.empty() && index >= in_flight_.front().index &&
                       index <= in_flight_.back().index &&
                       (answer.ok() || index == in_flight_.front().index);
  if (!in_turn) {
    return Broken(absl::StrCat("acknowledged batch ", acknowledgement.sequence(),
                               " out of turn"));
  }
  while (!in_flight_.empty() && in_flight_.front().index <= index) {
    const Sent sent = std::move(in_flight_.front());
    in_flight_.pop_front();
    if (resend_from_.has_value()) continue;  // it is sent again in its turn
    if (!answer.ok() && CanPass(answer)) {
      resend_from_ = sent.index;
      resend_at_ = now_ + RetryDelayOf(acknowledgement.status()) + backoff_.Next();
      Log(Severity::kInfo, "a batch is refused for the moment and sent again",
          {{"device", options_.device}, {"sequence", acknowledgement.sequence()},
           {"reason", ReasonOf(answer)}});
      continue;
    }
    backoff_.Reset();
    PW_RETURN_IF_ERROR(Settle(sent, answer));
  }
  return absl::OkStatus();
}

absl::Status StreamClient::Settle(const Sent& sent, const absl::Status& answer) {
  if (sent.index <= buffer_.state().acknowledged_index) return absl::OkStatus();  // once more
  const int64_t readings = ReadingCount(sent.batch);
  if (answer.ok()) {
    PW_RETURN_IF_ERROR(buffer_.Acknowledge(sent.index, readings));
  } else {
    PW_RETURN_IF_ERROR(buffer_.Refuse(sent.index, readings, ReasonOf(answer), answer.message()));
    Log(Severity::kError, "a batch is refused for good and kept in refused.jsonl",
        {{"device", options_.device}, {"index", sent.index}, {"reason", ReasonOf(answer)},
         {"cause", std::string(answer.message())}});
  }
  observer_.OnHandled(sent.batch, !answer.ok());
  return absl::OkStatus();
}

absl::Status StreamClient::SendNext() {
  if (stream_ == nullptr || stream_->released() || !state_.connected || write_pending_) {
    return absl::OkStatus();
  }
  if (resend_from_.has_value()) {
    if (!in_flight_.empty() || now_ < resend_at_) return absl::OkStatus();
    next_index_ = *std::exchange(resend_from_, std::nullopt);
  }
  if (in_flight_.size() >= window_) return absl::OkStatus();
  const BufferState buffer = buffer_.state();
  while (next_index_ <= buffer.acknowledged_index && buffer_.IsRefused(next_index_)) ++next_index_;
  if (next_index_ < buffer.first_index) next_index_ = buffer.first_index;
  if (next_index_ > buffer.last_index) return absl::OkStatus();
  if (next_index_ <= backlog_end_ && !backlog_limit_.Take(now_)) return absl::OkStatus();
  const absl::StatusOr<BufferRecord> record = buffer_.Read(next_index_);
  if (absl::IsNotFound(record.status())) return absl::OkStatus();  // just dropped for want of room
  PW_RETURN_IF_ERROR(record.status());
  Sent sent{next_index_, {}};
  if (!sent.batch.ParseFromString(record->payload)) {
    return Error(kBufferDamaged, absl::StrCat("record ", next_index_, " is no batch"));
  }
  sent.batch.set_sequence(next_index_ + sequence_offset_);
  if (sent.batch.has_signature()) {
    // Now, by the key of the certificate in use: one that was renewed may have expired by the time
    // an old record is sent.
    if (signer_ == nullptr) return Error(kSettingsInvalid, "there is no key to sign a batch with");
    sent.batch.mutable_signature()->set_signature(
        signer_->Sign(EncodeSignedBatch(ContentOf(options_.device, sent.batch))));
  }
  if (in_flight_.empty()) answer_at_ = now_;
  in_flight_.push_back(std::move(sent));
  ++next_index_;
  write_pending_ = true;
  stream_->Write(in_flight_.back().batch);
  return absl::OkStatus();
}

void StreamClient::BeforeDone() {
  absl::MutexLock lock(&mutex_);
  ending_ = true;  // nobody may cancel what is being taken apart
}

void StreamClient::OnDone(const absl::Status& status, absl::Duration asked) {
  absl::MutexLock lock(&mutex_);
  stream_ = nullptr;
  ending_ = false;
  ++state_.failures;
  state_.connected = false;
  in_flight_.clear();
  resend_from_.reset();
  write_pending_ = false;
  connect_at_ = now_ + asked + backoff_.Next();
  // The first failure of a series is worth a line, the rest only shows that it lasts.
  Log(backoff_.failures() == 1 ? Severity::kWarning : Severity::kDebug,
      "the stream of readings ended",
      {{"device", options_.device},
       {"cause", std::string(status.message())},
       {"retry_in_ms", absl::ToInt64Milliseconds(connect_at_ - now_)}});
  if (channel_ != nullptr) observer_.OnProgress();
}

}  // namespace peerwatt::agent
