#include "services/metering/rpc/relay_call.h"

#include <utility>

#include "libs/base/error.h"
#include "libs/rpc/names.h"
#include "libs/rpc/security.h"
#include "libs/rpc/status.h"
#include "services/metering/core/errors.h"
#include "services/metering/rpc/codec.h"

namespace peerwatt::metering {
namespace {

// A message is full at this size; one frame may make it larger.
constexpr size_t kMessageBytes = 256 << 10;
// What may wait to be written before no more is read.
constexpr size_t kWaitingBytesMax = 4 << 20;
// A larger batch's memory is given back.
constexpr size_t kBatchBytesKept = 64 << 10;

LaneItem ItemFrom(const v1::Batch& proto, const DeviceId& device) {
  LaneItem item;
  item.batch.device = device;
  item.refusal = ReadBatch(proto, item.batch);
  return item;
}

bool IsStored(const LaneAnswer& answer) {
  return !answer.open && answer.decided.empty() && answer.outcome.status.ok();
}

RelayAnswer AcknowledgementOf(const LaneAnswer& last, const StoredCounts& counts,
                              int32_t frame_count) {
  v1::StreamReadingsResponse response;
  auto& acknowledgement = *response.mutable_acknowledgement();
  acknowledgement.set_sequence(last.sequence);
  *acknowledgement.mutable_status() = rpc::ToRpcStatus(last.outcome.status, kDomain);
  acknowledgement.set_stored_count(counts.stored);
  acknowledgement.set_unchanged_count(counts.unchanged);
  return {response.SerializeAsString(), frame_count, absl::OkStatus()};
}

RelayAnswer OpenedFrom(const LaneAnswer& answer, int32_t batches_in_flight_max) {
  if (!answer.outcome.status.ok()) return {"", 0, answer.outcome.status};
  v1::StreamReadingsResponse response;
  response.mutable_opened()->set_acknowledged_sequence(answer.sequence);
  response.mutable_opened()->set_batches_in_flight_max(batches_in_flight_max);
  return {response.SerializeAsString(), 1, absl::OkStatus()};
}

}  // namespace

std::vector<RelayAnswer> RelayAnswersFrom(std::vector<LaneAnswer> answers,
                                          int32_t batches_in_flight_max) {
  std::vector<RelayAnswer> out;
  for (size_t i = 0; i < answers.size(); ++i) {
    if (answers[i].open) {
      out.push_back(OpenedFrom(answers[i], batches_in_flight_max));
      continue;
    }
    if (!answers[i].decided.empty()) {
      out.push_back({std::move(answers[i].decided), 1, absl::OkStatus()});
      continue;
    }
    StoredCounts counts = answers[i].outcome.counts;
    int32_t frame_count = 1;
    while (IsStored(answers[i]) && i + 1 < answers.size() && IsStored(answers[i + 1])) {
      ++i;
      ++frame_count;
      counts.stored += answers[i].outcome.counts.stored;
      counts.unchanged += answers[i].outcome.counts.unchanged;
    }
    out.push_back(AcknowledgementOf(answers[i], counts, frame_count));
  }
  return out;
}

// One stream of the call: the sink of its lane.
class RelayCall::Stream final : public LaneSink {
 public:
  Stream(std::weak_ptr<RelayCall> call, int64_t number, DeviceId device,
         int32_t batches_in_flight_max)
      : call_(std::move(call)),
        number_(number),
        device_(std::move(device)),
        batches_in_flight_max_(batches_in_flight_max) {}

  void OnAnswers(std::vector<LaneAnswer> answers) override {
    if (const auto call = call_.lock(); call != nullptr) {
      call->Answer(*this, RelayAnswersFrom(std::move(answers), batches_in_flight_max_));
    }
  }

 private:
  friend class RelayCall;
  const std::weak_ptr<RelayCall> call_;
  const int64_t number_;
  const DeviceId device_;
  const int32_t batches_in_flight_max_;
  std::shared_ptr<Lane> lane_;
  // With the call's mutex held:
  size_t in_flight_ = 0;
  bool closed_ = false;
};

void RelayCalls::Add(RelayCall* call) {
  bool draining = false;
  {
    const std::lock_guard lock(mutex_);
    calls_.insert(call);
    draining = draining_;
  }
  if (draining) {
    call->Drain();
  }
}

void RelayCalls::Remove(RelayCall* call) {
  const std::lock_guard lock(mutex_);
  calls_.erase(call);
}

void RelayCalls::Drain() {
  // Held all the while: a call that ends waits in Remove, so none is gone too early. Calls never
  // use this class while they hold their own lock.
  const std::lock_guard lock(mutex_);
  draining_ = true;
  for (RelayCall* call : calls_) {
    call->Drain();
  }
}

grpc::ServerBidiReactor<v1::RelayRequest, v1::RelayResponse>* RelayService::Relay(
    grpc::CallbackServerContext* context) {
  return RelayCall::Start(*context, queue_, calls_);
}

RelayCall* RelayCall::Start(grpc::CallbackServerContext& context, IngestQueue& queue,
                            RelayCalls& calls) {
  std::shared_ptr<RelayCall> call(new RelayCall(queue, calls));
  call->self_ = call;
  const absl::Status peer = rpc::RequirePeer(context, {"gateway"});
  {
    const std::lock_guard lock(call->mutex_);
    if (peer.ok()) {
      call->ReadNext();
    } else {
      call->End(peer);
    }
  }
  calls.Add(call.get());
  return call.get();
}

void RelayCall::ReadNext() {
  if (reading_ || reads_done_ || draining_ || end_.has_value() || waits_for_room_ ||
      waiting_bytes_ >= kWaitingBytesMax) {
    return;
  }
  if (!queue_.HasRoom(weak_from_this())) {
    waits_for_room_ = true;
    return;
  }
  reading_ = true;
  StartRead(&request_);
}

LaneItem RelayCall::BatchFrom(const Stream& stream, const std::string& bytes) {
  const bool readable = batch_.ParseFromString(bytes);
  LaneItem item = ItemFrom(batch_, stream.device_);
  if (!readable) {
    item.refusal = FieldInvalid("batch", "is malformed");
  }
  item.byte_count = bytes.size();
  if (bytes.size() > kBatchBytesKept) {
    v1::Batch().Swap(&batch_);
  }
  return item;
}

void RelayCall::TakeOpen(const v1::RelayRequest::Frame& frame, std::vector<LanePush>& pushes) {
  absl::StatusOr<std::string> device =
      rpc::ParseName1(frame.open().device(), "devices/*", "device");
  if (!device.ok() || streams_.contains(frame.stream())) {
    const std::lock_guard lock(mutex_);
    return End(Error(kStreamOutOfOrder, "a stream opens once, for a device"));
  }
  auto stream = std::make_shared<Stream>(weak_from_this(), frame.stream(),
                                         DeviceId(*std::move(device)),
                                         frame.open().batches_in_flight_max());
  streams_[frame.stream()] = stream;
  stream->lane_ = queue_.AddLane(stream, /*waits=*/true);
  LaneItem item;
  item.open = true;
  item.batch.device = stream->device_;
  pushes.push_back({stream->lane_, std::move(item)});
}

void RelayCall::TakeClose(int64_t number) {
  const auto found = streams_.find(number);
  if (found == streams_.end()) {
    return;
  }
  const std::shared_ptr<Stream> stream = std::move(found->second);
  streams_.erase(found);
  queue_.Close(stream->lane_);
  const std::lock_guard lock(mutex_);
  stream->closed_ = true;
  in_flight_ -= std::exchange(stream->in_flight_, 0);
}

std::vector<LanePush> RelayCall::TakeFrames() {
  std::vector<LanePush> pushes;
  pushes.reserve(static_cast<size_t>(request_.frames_size()));
  const auto push_all = [&] {
    queue_.Push(std::move(pushes));
    pushes.clear();
  };
  for (auto& frame : *request_.mutable_frames()) {
    const size_t before = pushes.size();
    if (frame.has_open()) {
      TakeOpen(frame, pushes);
    } else if (frame.kind_case() == v1::RelayRequest::Frame::kClose) {
      push_all();
      TakeClose(frame.stream());
      continue;
    }
    const auto found = streams_.find(frame.stream());
    // A stream that we ended may go on until the gateway hears of it.
    if (found == streams_.end()) {
      continue;
    }
    if (frame.has_batch()) {
      pushes.push_back({found->second->lane_, BatchFrom(*found->second, frame.batch())});
    } else if (frame.has_answer()) {
      LaneItem item;
      item.byte_count = frame.answer().size();
      item.decided = std::move(*frame.mutable_answer());
      pushes.push_back({found->second->lane_, std::move(item)});
    }
    if (pushes.size() > before) {
      const std::lock_guard lock(mutex_);
      ++in_flight_;
      ++found->second->in_flight_;
    }
  }
  return pushes;
}

void RelayCall::OnReadDone(bool ok) {
  if (ok) {
    // What a message holds is taken before the lock is: nobody else reads.
    queue_.Push(TakeFrames());
    request_.Clear();
  }
  const std::lock_guard lock(mutex_);
  reading_ = false;
  if (!ok) {
    reads_done_ = true;
  }
  ReadNext();
  EndWhenIdle();
}

void RelayCall::Answer(Stream& stream, std::vector<RelayAnswer> answers) {
  const std::lock_guard lock(mutex_);
  if (stream.closed_) {
    return;
  }
  for (RelayAnswer& answer : answers) {
    const auto count = static_cast<size_t>(answer.end.ok() ? answer.frame_count : 1);
    stream.in_flight_ -= count;
    in_flight_ -= count;
    Append(stream.number_, std::move(answer));
  }
  WriteNext();
  EndWhenIdle();
}

void RelayCall::Append(int64_t stream, RelayAnswer answer) {
  if (end_.has_value()) {
    return;
  }
  // The front may be with gRPC.
  if (responses_.size() <= (writing_ ? 1U : 0U) || responses_.back().bytes >= kMessageBytes) {
    responses_.emplace_back();
  }
  // A frame without its response has less than this.
  const size_t bytes = answer.response.size() + 24;
  auto& frame = *responses_.back().response.add_frames();
  frame.set_stream(stream);
  if (answer.end.ok()) {
    frame.set_response(std::move(answer.response));
    frame.set_frame_count(answer.frame_count);
  } else {
    *frame.mutable_end() = rpc::ToRpcStatus(answer.end, kDomain);
  }
  responses_.back().bytes += bytes;
  waiting_bytes_ += bytes;
}

void RelayCall::WriteNext() {
  if (writing_ || end_.has_value() || responses_.empty()) {
    return;
  }
  writing_ = true;
  waiting_bytes_ -= responses_.front().bytes;
  StartWrite(&responses_.front().response);
}

void RelayCall::OnWriteDone(bool ok) {
  const std::lock_guard lock(mutex_);
  writing_ = false;
  responses_.pop_front();
  if (!ok) {
    End(absl::CancelledError("the gateway is gone"));
  }
  WriteNext();
  ReadNext();
  EndWhenIdle();
  FinishWhenWritten();
}

void RelayCall::OnRoom() {
  const std::lock_guard lock(mutex_);
  waits_for_room_ = false;
  ReadNext();
}

void RelayCall::Drain() {
  const std::lock_guard lock(mutex_);
  draining_ = true;
  EndWhenIdle();
}

void RelayCall::OnCancel() {
  const std::lock_guard lock(mutex_);
  End(absl::CancelledError("the gateway is gone"));
}

void RelayCall::EndWhenIdle() {
  if (in_flight_ > 0 || !responses_.empty()) {
    return;
  }
  if (draining_) {
    End(Error(kDraining, "the service stops; connect again"));
  } else if (reads_done_) {
    End(absl::OkStatus());
  }
}

void RelayCall::End(const absl::Status& status) {
  if (!end_.has_value()) {
    end_ = absl::IsCancelled(status) ? grpc::Status::CANCELLED
                                     : rpc::ToGrpcStatus(status, kDomain);
  }
  FinishWhenWritten();
}

void RelayCall::FinishWhenWritten() {
  if (end_.has_value() && !writing_ && !finished_) {
    finished_ = true;
    Finish(*end_);
  }
}

void RelayCall::OnDone() {
  calls_.Remove(this);
  for (const auto& [number, stream] : streams_) {
    queue_.Close(stream->lane_);
  }
  // The last reference may be a worker's that is about to answer; then that one ends the object.
  const std::shared_ptr<RelayCall> self = std::move(self_);
}

}  // namespace peerwatt::metering
