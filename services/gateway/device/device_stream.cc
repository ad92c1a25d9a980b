#include "services/gateway/device/device_stream.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "libs/base/error.h"
#include "libs/base/log.h"
#include "peerwatt/metering/v1/metering.pb.h"
#include "services/gateway/api/wire_error.h"
#include "services/gateway/core/errors.h"
#include "services/gateway/device/device_streams.h"

namespace peerwatt::gateway {
namespace {

// How long a device may take to read what is being written before its stream is cut.
constexpr absl::Duration kEndPatience = absl::Seconds(3);

std::string Refusal(int64_t sequence, const absl::Status& why) {
  peerwatt::metering::v1::StreamReadingsResponse response;
  auto& ack = *response.mutable_acknowledgement();
  ack.set_sequence(sequence);
  *ack.mutable_status() = WireError(why);
  return response.SerializeAsString();
}

absl::Status Forbidden(absl::string_view metering_point) {
  return Error(kMeteringPointForbidden,
               absl::StrCat("'", metering_point, "' is not a metering point of this device"),
               {{"metering_point", std::string(metering_point)}});
}

// One message as one piece: what gRPC read, or a copy when that is in several.
grpc::Slice WholeOf(const grpc::ByteBuffer& bytes) {
  grpc::Slice slice;
  if (!bytes.TrySingleSlice(&slice).ok() && !bytes.DumpToSingleSlice(&slice).ok()) return {};
  return slice;
}

}  // namespace

void DeviceStream::Start() {
  held_by_server_ = shared_from_this();
  auto identity = DeviceIdentityOf(*server_.auth_context());
  if (!identity.ok()) {
    Admitted(identity.status());
    return;
  }
  identity_ = *std::move(identity);
  parts_.gate.Check(identity_, [self = shared_from_this()](absl::StatusOr<DevicePoints> points) {
    self->Admitted(std::move(points));
  });
}

void DeviceStream::Admitted(absl::StatusOr<DevicePoints> points) {
  if (points.ok()) parts_.streams.Add(shared_from_this());
  const absl::MutexLock lock(&mutex_);
  admitting_ = false;
  if (points.ok()) {
    points_ = *std::move(points);
  } else {
    EndLocked(CallError(WireError(points.status())));
  }
  Pump();
}

void DeviceStream::Judged(absl::StatusOr<DevicePoints> points) {
  if (!points.ok()) {
    if (absl::IsPermissionDenied(points.status())) End(points.status());
    return;
  }
  const absl::MutexLock lock(&mutex_);
  points_ = *std::move(points);
}

void DeviceStream::End(const absl::Status& status) {
  const absl::MutexLock lock(&mutex_);
  if (ended_early_at_.has_value()) {
    // A write to the device hangs: cut the call.
    if (!finished_ && absl::Now() - *ended_early_at_ > kEndPatience) server_.TryCancel();
    return;
  }
  ended_early_at_ = absl::Now();
  Log(Severity::kInfo, "device stream ended by the gateway", {{"reason", ReasonOf(status)}});
  // What is being written must end first; the rest is not sent any more.
  outbox_.resize(writing_ ? 1 : 0);
  EndLocked(CallError(WireError(status)));
  Pump();
}

void DeviceStream::EndLocked(grpc::Status status) {
  if (!final_.has_value()) final_ = std::move(status);
  Leave();
}

void DeviceStream::Leave() {
  if (place_.call == nullptr) return;
  place_.call->Close(place_.stream);
  place_.call.reset();
}

void DeviceStream::Take() {
  if (place_.call != nullptr && !place_.call->HasRoom(weak_from_this())) {
    parked_ = true;
    return;
  }
  const grpc::Slice whole = WholeOf(request_);
  // An idle stream keeps no memory of a large message.
  request_.Clear();
  TakeMessage({reinterpret_cast<const char*>(whole.begin()), whole.size()});
}

void DeviceStream::TakeMessage(absl::string_view bytes) {
  DeviceMessage message;
  const bool readable = parts_.scanner.Scan(bytes, message);
  if (!opened_) {
    if (!readable || message.kind != DeviceMessage::Kind::kOpen) {
      EndLocked(CallError(WireError(Error(kStreamOutOfOrder, "the first message must be open"))));
      return;
    }
    opened_ = true;
    under_way_.push_back(0);
    place_ = parts_.relay.Open(weak_from_this(), identity_.device, parts_.window.batches_max);
    return;
  }
  if (readable && message.kind == DeviceMessage::Kind::kOpen) {
    EndLocked(CallError(WireError(Error(kStreamOutOfOrder, "open comes once"))));
  } else if (readable && message.kind == DeviceMessage::Kind::kNone) {
    EndLocked(CallError(WireError(FieldInvalid("kind", "must be open or batch"))));
  } else {
    under_way_.push_back(static_cast<uint32_t>(bytes.size()));
    under_way_bytes_ += bytes.size();
    TakeBatch(message, readable);
  }
}

void DeviceStream::TakeBatch(const DeviceMessage& message, bool readable) {
  // Without a call the stream is ending: the call told it, or is about to.
  if (place_.call == nullptr) return;
  if (!readable) {
    const absl::Status why =
        Error(kBatchUnreadable, "the message cannot be read", {}, {{"batch", "is malformed"}});
    place_.call->SendAnswer(place_.stream, Refusal(message.sequence, why));
    return;
  }
  for (const absl::string_view point : message.metering_points) {
    // Where none is named, metering says so.
    if (!point.empty() && !points_->contains(point)) {
      place_.call->SendAnswer(place_.stream, Refusal(message.sequence, Forbidden(point)));
      return;
    }
  }
  place_.call->SendBatch(place_.stream, message.batch);
}

void DeviceStream::OnReadDone(bool ok) {
  const absl::MutexLock lock(&mutex_);
  reading_ = false;
  if (!ok) {
    reads_done_ = true;
  } else if (!final_.has_value()) {
    Take();
  }
  Pump();
}

void DeviceStream::OnRoom() {
  const absl::MutexLock lock(&mutex_);
  if (!std::exchange(parked_, false) || final_.has_value()) return;
  Take();
  Pump();
}

void DeviceStream::OnAnswer(std::string response, int32_t frame_count) {
  const absl::MutexLock lock(&mutex_);
  if (final_.has_value()) return;
  const grpc::Slice slice(response);
  outbox_.push_back({grpc::ByteBuffer(&slice, 1), frame_count});
  Pump();
}

void DeviceStream::OnRelayEnd(const grpc::Status& status) {
  const absl::MutexLock lock(&mutex_);
  place_.call.reset();
  if (!final_.has_value()) final_ = status;
  Pump();
}

void DeviceStream::Pump() {
  if (finished_ || admitting_) return;
  if (!writing_ && !outbox_.empty()) {
    writing_ = true;
    StartWrite(&outbox_.front().bytes);
  }
  if (!final_.has_value() && reads_done_ && !parked_ && under_way_.empty()) {
    EndLocked(grpc::Status::OK);
  }
  const bool window_open = under_way_.size() < static_cast<size_t>(parts_.window.batches_max) &&
                           under_way_bytes_ < parts_.window.bytes_max;
  if (!final_.has_value() && !reading_ && !parked_ && !reads_done_ && window_open) {
    reading_ = true;
    StartRead(&request_);
  }
  if (final_.has_value() && !writing_ && outbox_.empty()) {
    finished_ = true;
    Finish(*final_);
  }
}

void DeviceStream::OnWriteDone(bool ok) {
  const absl::MutexLock lock(&mutex_);
  writing_ = false;
  if (ok) {
    const auto answered =
        std::min(under_way_.size(), static_cast<size_t>(std::max(outbox_.front().frame_count, 0)));
    for (size_t i = 0; i < answered; ++i) {
      under_way_bytes_ -= under_way_.front();
      under_way_.pop_front();
    }
    outbox_.pop_front();
  } else {
    // The device is gone: nothing it has not got can reach it.
    outbox_.clear();
    EndLocked(grpc::Status::CANCELLED);
  }
  Pump();
}

void DeviceStream::OnCancel() {
  const absl::MutexLock lock(&mutex_);
  EndLocked(grpc::Status::CANCELLED);
  Pump();
}

void DeviceStream::OnDone() {
  parts_.streams.Remove(this);
  {
    const absl::MutexLock lock(&mutex_);
    Leave();
  }
  const std::shared_ptr<DeviceStream> self = std::move(held_by_server_);
}

}  // namespace peerwatt::gateway
