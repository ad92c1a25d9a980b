#include "services/gateway/device/device_stream.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "libs/base/error.h"
#include "libs/base/log.h"
#include "libs/rpc/security.h"
#include "libs/rpc/server.h"
#include "services/gateway/api/wire_error.h"
#include "services/gateway/core/errors.h"
#include "services/gateway/device/device_streams.h"

namespace peerwatt::gateway {
namespace {

// Answers that may wait for a slow device before metering's next one is read.
constexpr size_t kOutboxMax = 16;
// Batches that may wait for an answer before the device's next one is read.
constexpr size_t kUnansweredMax = 1024;
// How long a device may take to read what is being written before its stream is cut.
constexpr absl::Duration kEndPatience = absl::Seconds(3);

rpc::Principal PrincipalOf(const DeviceIdentity& identity) {
  rpc::Principal principal;
  principal.set_subject(identity.device);
  principal.add_roles(peerwatt::access::v1::DEVICE);
  return principal;
}

DeviceStream::Response Refusal(int64_t sequence, const std::string& metering_point) {
  DeviceStream::Response response;
  auto& ack = *response.mutable_acknowledgement();
  ack.set_sequence(sequence);
  *ack.mutable_status() = WireError(
      Error(kMeteringPointForbidden,
            absl::StrCat("'", metering_point, "' is not a metering point of this device"),
            {{"metering_point", metering_point}}));
  return response;
}

}  // namespace

DeviceStream::DeviceStream(grpc::CallbackServerContext& server, DeviceGate& gate,
                           peerwatt::metering::v1::Metering::Stub& metering,
                           DeviceStreams& streams)
    : server_(server), gate_(gate), metering_(metering), streams_(streams), peer_(*this) {}

void DeviceStream::Start() {
  held_by_server_ = shared_from_this();
  auto identity = DeviceIdentityOf(*server_.auth_context());
  if (!identity.ok()) {
    Admitted(identity.status());
    return;
  }
  identity_ = *std::move(identity);
  gate_.Check(identity_, [self = shared_from_this()](absl::StatusOr<DevicePoints> points) {
    self->Admitted(std::move(points));
  });
}

void DeviceStream::Admitted(absl::StatusOr<DevicePoints> points) {
  if (points.ok()) streams_.Add(shared_from_this());
  const absl::MutexLock lock(&mutex_);
  admitting_ = false;
  if (!points.ok()) {
    EndLocked(CallError(WireError(points.status())));
    return;
  }
  points_ = *std::move(points);
  if (!final_.has_value()) Join();
  Pump();
}

void DeviceStream::Join() {
  rpc::SetPrincipal(client_, PrincipalOf(identity_).SerializeAsString());
  held_by_peer_ = shared_from_this();
  joined_ = true;
  metering_.async()->StreamReadings(&client_, &peer_);
  // Reads and writes are started from the device's callbacks; the hold keeps the call for them.
  peer_.AddHold();
  peer_.StartRead(&from_peer_);
  peer_.StartCall();
  StartRead(&from_device_);
}

void DeviceStream::Recheck() {
  gate_.Check(identity_, [weak = weak_from_this()](absl::StatusOr<DevicePoints> points) {
    const std::shared_ptr<DeviceStream> self = weak.lock();
    if (self == nullptr) return;
    if (!points.ok()) {
      if (absl::IsPermissionDenied(points.status())) self->End(points.status());
      return;
    }
    const absl::MutexLock lock(&self->mutex_);
    self->points_ = *std::move(points);
  });
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
}

void DeviceStream::EndLocked(grpc::Status status) {
  if (!final_.has_value()) final_ = std::move(status);
  if (joined_ && !peer_done_) client_.TryCancel();
  Pump();
}

std::string DeviceStream::ForeignPoint() const {
  for (const auto& series : from_device_.batch().series()) {
    if (!points_->contains(series.metering_point())) return series.metering_point();
  }
  for (const auto& registers : from_device_.batch().registers()) {
    if (!points_->contains(registers.metering_point())) return registers.metering_point();
  }
  return "";
}

void DeviceStream::OnReadDone(bool ok) {
  const absl::MutexLock lock(&mutex_);
  if (peer_closed_ || final_.has_value()) return;
  if (!ok) {
    peer_.StartWritesDone();
    return;
  }
  const std::string foreign = ForeignPoint();
  if (foreign.empty()) {
    order_.Forwarded();
    peer_.StartWrite(&from_device_);
    return;
  }
  Send(order_.Answered(Refusal(from_device_.batch().sequence(), foreign)));
  want_device_read_ = true;
  Pump();
}

void DeviceStream::PeerWrote(bool ok) {
  const absl::MutexLock lock(&mutex_);
  if (!ok || final_.has_value()) return;
  want_device_read_ = true;
  Pump();
}

void DeviceStream::PeerRead(bool ok) {
  const absl::MutexLock lock(&mutex_);
  if (!ok) {
    peer_closed_ = true;
    peer_.RemoveHold();
    return;
  }
  Send(order_.FromPeer(std::move(from_peer_)));
  want_peer_read_ = true;
  Pump();
}

void DeviceStream::PeerEnded(const grpc::Status& status) {
  const std::shared_ptr<DeviceStream> self = std::move(held_by_peer_);
  const absl::MutexLock lock(&mutex_);
  peer_done_ = true;
  if (!final_.has_value()) {
    final_ = status.ok() ? grpc::Status::OK : CallError(WireError(status));
  }
  Pump();
}

void DeviceStream::Send(std::vector<Response> answers) {
  // After the end was decided nothing more is sent.
  if (ended_early_at_.has_value()) return;
  for (Response& answer : answers) outbox_.push_back(std::move(answer));
}

void DeviceStream::Pump() {
  if (finished_ || admitting_) return;
  if (!writing_ && !outbox_.empty()) {
    writing_ = true;
    StartWrite(&outbox_.front());
  }
  if (want_peer_read_ && !peer_closed_ && outbox_.size() < kOutboxMax) {
    want_peer_read_ = false;
    peer_.StartRead(&from_peer_);
  }
  if (want_device_read_ && !final_.has_value() && !peer_closed_ && outbox_.size() < kOutboxMax &&
      order_.size() < kUnansweredMax) {
    want_device_read_ = false;
    StartRead(&from_device_);
  }
  if (final_.has_value() && !writing_ && outbox_.empty() && (!joined_ || peer_done_)) {
    finished_ = true;
    Finish(*final_);
  }
}

void DeviceStream::OnWriteDone(bool ok) {
  const absl::MutexLock lock(&mutex_);
  writing_ = false;
  if (ok) {
    outbox_.pop_front();
  } else {
    // The device is gone: nothing it has not got can reach it.
    outbox_.clear();
    if (joined_ && !peer_done_) client_.TryCancel();
  }
  Pump();
}

void DeviceStream::OnCancel() {
  const absl::MutexLock lock(&mutex_);
  EndLocked(grpc::Status::CANCELLED);
}

void DeviceStream::OnDone() {
  streams_.Remove(this);
  const std::shared_ptr<DeviceStream> self = std::move(held_by_server_);
}

}  // namespace peerwatt::gateway
