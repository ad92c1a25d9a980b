#include "services/metering/rpc/device_stream.h"

#include <utility>

#include "libs/base/error.h"
#include "libs/rpc/names.h"
#include "libs/rpc/security.h"
#include "libs/rpc/status.h"
#include "services/metering/core/errors.h"
#include "services/metering/rpc/codec.h"

namespace peerwatt::metering {
namespace {

absl::StatusOr<DeviceId> DeviceOf(const grpc::CallbackServerContext& context) {
  const absl::StatusOr<rpc::Principal> caller = rpc::CallerOf(context);
  if (!caller.ok()) {
    return caller.status();
  }
  absl::StatusOr<std::string> device = rpc::ParseName1(caller->subject(), "devices/*", "subject");
  if (!rpc::HasRole(*caller, access::v1::DEVICE) || !device.ok()) {
    return Error(kPermissionDenied, "only a device may stream readings");
  }
  return DeviceId(*std::move(device));
}

LaneItem ItemFrom(const v1::Batch& proto, const DeviceId& device) {
  LaneItem item;
  item.batch.device = device;
  item.refusal = ReadBatch(proto, item.batch);
  return item;
}

v1::StreamReadingsResponse ResponseFrom(const LaneAnswer& answer, int32_t in_flight_max) {
  v1::StreamReadingsResponse response;
  if (answer.open) {
    response.mutable_opened()->set_acknowledged_sequence(answer.sequence);
    response.mutable_opened()->set_batches_in_flight_max(in_flight_max);
    return response;
  }
  auto& acknowledgement = *response.mutable_acknowledgement();
  acknowledgement.set_sequence(answer.sequence);
  *acknowledgement.mutable_status() = rpc::ToRpcStatus(answer.outcome.status, kDomain);
  acknowledgement.set_stored_count(answer.outcome.counts.stored);
  acknowledgement.set_unchanged_count(answer.outcome.counts.unchanged);
  return response;
}

}  // namespace

void DeviceStreams::Add(DeviceStream* stream) {
  bool draining = false;
  {
    const std::lock_guard lock(mutex_);
    streams_.insert(stream);
    draining = draining_;
  }
  if (draining) {
    stream->Drain();
  }
}

void DeviceStreams::Remove(DeviceStream* stream) {
  const std::lock_guard lock(mutex_);
  streams_.erase(stream);
}

void DeviceStreams::Drain() {
  // Held all the while: a stream that ends waits in Remove, so none is gone too early. Streams
  // never call this class while they hold their own lock.
  const std::lock_guard lock(mutex_);
  draining_ = true;
  for (DeviceStream* stream : streams_) {
    stream->Drain();
  }
}

DeviceStream* DeviceStream::Start(grpc::CallbackServerContext& context, IngestQueue& queue,
                                  DeviceStreams& streams, int32_t in_flight_max) {
  std::shared_ptr<DeviceStream> stream(new DeviceStream(queue, streams, in_flight_max));
  stream->self_ = stream;
  stream->lane_ = queue.AddLane(stream, /*waits=*/true);
  absl::StatusOr<DeviceId> device = DeviceOf(context);
  {
    const std::lock_guard lock(stream->mutex_);
    if (device.ok()) {
      stream->device_ = *std::move(device);
      stream->ReadNext();
    } else {
      stream->End(device.status());
    }
  }
  streams.Add(stream.get());
  return stream.get();
}

void DeviceStream::ReadNext() {
  if (reading_ || reads_done_ || draining_ || end_.has_value() || waits_for_room_ ||
      in_flight_ >= in_flight_max_) {
    return;
  }
  if (!queue_.HasRoom(weak_from_this())) {
    waits_for_room_ = true;
    return;
  }
  reading_ = true;
  StartRead(&request_);
}

void DeviceStream::TakeRequest() {
  LaneItem item;
  switch (request_.kind_case()) {
    case v1::StreamReadingsRequest::kOpen:
      if (opened_) {
        return End(Error(kStreamOutOfOrder, "open comes once"));
      }
      opened_ = true;
      item.open = true;
      item.batch.device = device_;
      break;
    case v1::StreamReadingsRequest::kBatch:
      if (!opened_) {
        return End(Error(kStreamOutOfOrder, "the first message must be open"));
      }
      item = ItemFrom(request_.batch(), device_);
      break;
    case v1::StreamReadingsRequest::KIND_NOT_SET:
      return End(FieldInvalid("kind", "must be open or batch"));
  }
  // A large message's memory must not stay with an idle stream.
  v1::StreamReadingsRequest().Swap(&request_);
  ++in_flight_;
  queue_.Push(lane_, std::move(item));
}

void DeviceStream::OnReadDone(bool ok) {
  const std::lock_guard lock(mutex_);
  reading_ = false;
  if (!ok) {
    reads_done_ = true;
  } else if (!end_.has_value()) {
    TakeRequest();
    ReadNext();
  }
  EndWhenIdle();
}

void DeviceStream::OnAnswers(std::vector<LaneAnswer> answers) {
  const std::lock_guard lock(mutex_);
  for (const LaneAnswer& answer : answers) {
    if (answer.open && !answer.outcome.status.ok()) {
      return End(answer.outcome.status);
    }
    responses_.push_back(ResponseFrom(answer, in_flight_max_));
  }
  WriteNext();
}

void DeviceStream::WriteNext() {
  if (writing_ || end_.has_value() || responses_.empty()) {
    return;
  }
  writing_ = true;
  grpc::WriteOptions options;
  // Not on the first write: it takes the initial metadata along, and gRPC completes that only when
  // it is really sent. With the hint it would wait for a second write that waits for the first.
  if (written_ && responses_.size() > 1) {
    options.set_buffer_hint();
  }
  StartWrite(&responses_.front(), options);
}

void DeviceStream::OnWriteDone(bool ok) {
  const std::lock_guard lock(mutex_);
  writing_ = false;
  written_ = true;
  responses_.pop_front();
  --in_flight_;
  if (!ok) {
    End(absl::CancelledError("the device is gone"));
  }
  WriteNext();
  ReadNext();
  EndWhenIdle();
  FinishWhenWritten();
}

void DeviceStream::OnRoom() {
  const std::lock_guard lock(mutex_);
  waits_for_room_ = false;
  ReadNext();
}

void DeviceStream::Drain() {
  const std::lock_guard lock(mutex_);
  draining_ = true;
  EndWhenIdle();
}

void DeviceStream::OnCancel() {
  const std::lock_guard lock(mutex_);
  End(absl::CancelledError("the device is gone"));
}

void DeviceStream::EndWhenIdle() {
  if (in_flight_ > 0) {
    return;
  }
  if (reads_done_) {
    End(absl::OkStatus());
  } else if (draining_) {
    End(Error(kDraining, "the service stops; connect again"));
  }
}

void DeviceStream::End(const absl::Status& status) {
  if (!end_.has_value()) {
    end_ = absl::IsCancelled(status) ? grpc::Status::CANCELLED
                                     : rpc::ToGrpcStatus(status, kDomain);
  }
  FinishWhenWritten();
}

void DeviceStream::FinishWhenWritten() {
  if (end_.has_value() && !writing_ && !finished_) {
    finished_ = true;
    Finish(*end_);
  }
}

void DeviceStream::OnDone() {
  streams_.Remove(this);
  queue_.Close(lane_);
  // The last reference may be a worker's that is about to answer; then that one ends the object.
  const std::shared_ptr<DeviceStream> self = std::move(self_);
}

}  // namespace peerwatt::metering
