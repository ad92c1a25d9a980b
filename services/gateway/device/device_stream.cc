#include "services/gateway/device/device_stream.h"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "libs/base/error.h"
#include "libs/base/log.h"
#include "peerwatt/metering/v1/metering.pb.h"
#include "services/gateway/api/wire_error.h"
#include "services/gateway/core/errors.h"
#include "services/gateway/device/device_calls.h"
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

}  // namespace

void DeviceStream::OnStart(ServerCall& call) {
  call_ = &call;
  queue_ = call.queue();
  auto identity = DeviceIdentityOf(call.peer());
  if (!identity.ok()) {
    Admitted(identity.status());
    return;
  }
  identity_ = *std::move(identity);
  parts_.gate.Check(identity_, [self = shared_from_this()](absl::StatusOr<DevicePoints> points) {
    self->queue_->Post(
        [self, points = std::move(points)]() mutable { self->Admitted(std::move(points)); });
  });
}

void DeviceStream::Admitted(absl::StatusOr<DevicePoints> points) {
  if (call_ == nullptr) return;
  admitting_ = false;
  if (points.ok()) {
    points_ = *std::move(points);
    parts_.streams.Add(shared_from_this());
  } else {
    EndWith(CallEndOf(points.status()));
  }
  Pump();
}

void DeviceStream::Judged(absl::StatusOr<DevicePoints> points) {
  if (!points.ok()) {
    if (absl::IsPermissionDenied(points.status())) End(points.status());
    return;
  }
  queue_->Post([self = shared_from_this(), points = *std::move(points)]() mutable {
    self->points_ = std::move(points);
  });
}

void DeviceStream::End(const absl::Status& status) {
  queue_->Post([self = shared_from_this(), status] { self->EndNow(status); });
}

void DeviceStream::EndNow(const absl::Status& status) {
  if (call_ == nullptr) return;
  if (ended_early_at_.has_value()) {
    // A write to the device hangs: cut the call.
    if (absl::Now() - *ended_early_at_ > kEndPatience) call_->Cancel();
    return;
  }
  ended_early_at_ = absl::Now();
  Log(Severity::kInfo, "device stream ended by the gateway", {{"reason", ReasonOf(status)}});
  // What is being written must end first; the rest is not sent any more.
  outbox_.resize(writing_ ? 1 : 0);
  EndWith(CallEndOf(status));
  Pump();
}

void DeviceStream::EndWith(CallEnd end) {
  if (!final_.has_value()) final_ = std::move(end);
  Leave();
}

void DeviceStream::Leave() {
  if (place_.call == nullptr) return;
  place_.call->Close(place_.stream);
  place_.call.reset();
}

void DeviceStream::TakeMessage(absl::string_view bytes) {
  DeviceMessage message;
  const bool readable = parts_.scanner.Scan(bytes, message);
  if (!opened_) {
    if (!readable || message.kind != DeviceMessage::Kind::kOpen) {
      EndWith(CallEndOf(Error(kStreamOutOfOrder, "the first message must be open")));
      return;
    }
    opened_ = true;
    under_way_.push_back(0);
    place_ = parts_.relay.Open(weak_from_this(), identity_.device, parts_.window.batches_max);
    return;
  }
  if (readable && message.kind == DeviceMessage::Kind::kOpen) {
    EndWith(CallEndOf(Error(kStreamOutOfOrder, "open comes once")));
  } else if (readable && message.kind == DeviceMessage::Kind::kNone) {
    EndWith(CallEndOf(FieldInvalid("kind", "must be open or batch")));
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

void DeviceStream::OnMessage(absl::string_view bytes) {
  reading_ = false;
  if (!final_.has_value()) {
    if (place_.call != nullptr && !place_.call->HasRoom(weak_from_this())) {
      parked_.emplace(bytes);
      return;
    }
    TakeMessage(bytes);
  }
  Pump();
}

void DeviceStream::OnHalfClose() {
  reading_ = false;
  reads_done_ = true;
  Pump();
}

void DeviceStream::OnRoom() {
  queue_->Post([self = shared_from_this()] {
    if (self->call_ == nullptr || !self->parked_.has_value()) return;
    const std::string bytes = *std::exchange(self->parked_, std::nullopt);
    // Whoever came sooner may have filled it again.
    self->OnMessage(bytes);
  });
}

void DeviceStream::OnAnswer(std::string response, int32_t frame_count) {
  queue_->Post([self = shared_from_this(), response = std::move(response), frame_count]() mutable {
    if (self->final_.has_value() || self->call_ == nullptr) return;
    self->outbox_.push_back({std::move(response), frame_count});
    self->Pump();
  });
}

void DeviceStream::OnRelayEnd(const grpc::Status& status) {
  CallEnd end = CallEndOf(status);
  queue_->Post([self = shared_from_this(), end = std::move(end)]() mutable {
    if (self->call_ == nullptr) return;
    self->place_.call.reset();
    if (!self->final_.has_value()) self->final_ = std::move(end);
    self->Pump();
  });
}

void DeviceStream::Pump() {
  if (call_ == nullptr || admitting_) return;
  if (!writing_ && !outbox_.empty()) {
    writing_ = true;
    call_->Write(outbox_.front().bytes);
  }
  if (!final_.has_value() && reads_done_ && !parked_.has_value() && under_way_.empty()) {
    EndWith(CallEnd{});
  }
  if (final_.has_value() && !writing_ && outbox_.empty()) {
    call_->Finish(*final_);
    return;
  }
  const bool window_open = under_way_.size() < static_cast<size_t>(parts_.window.batches_max) &&
                           under_way_bytes_ < parts_.window.bytes_max;
  if (!final_.has_value() && !reading_ && !parked_.has_value() && !reads_done_ && window_open) {
    reading_ = true;
    // Last: the message may come at once.
    call_->Read();
  }
}

void DeviceStream::OnWritten() {
  writing_ = false;
  const auto answered = std::min(static_cast<ptrdiff_t>(under_way_.size()),
                                 static_cast<ptrdiff_t>(outbox_.front().frame_count));
  const auto end = under_way_.begin() + std::max(answered, ptrdiff_t{0});
  under_way_bytes_ -= std::accumulate(under_way_.begin(), end, size_t{0});
  under_way_.erase(under_way_.begin(), end);
  // At most a window of them; a queue would hold memory for every idle stream.
  outbox_.erase(outbox_.begin());
  Pump();
}

void DeviceStream::OnDone() {
  call_ = nullptr;
  parts_.streams.Remove(this);
  Leave();
}

}  // namespace peerwatt::gateway
