#include "services/gateway/device/unary_call.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "libs/base/error.h"
#include "libs/rpc/security.h"
#include "services/gateway/api/wire_error.h"
#include "services/gateway/core/errors.h"
#include "services/gateway/device/device_calls.h"

namespace peerwatt::gateway {
namespace {

std::string TextOf(const grpc::ByteBuffer& bytes) {
  std::vector<grpc::Slice> slices;
  std::string text;
  if (!bytes.Dump(&slices).ok()) return text;
  for (const grpc::Slice& slice : slices) {
    text.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return text;
}

std::chrono::system_clock::time_point DeadlineOf(const CallHead& head) {
  return head.deadline == absl::InfiniteFuture() ? std::chrono::system_clock::time_point::max()
                                                 : absl::ToChronoTime(head.deadline);
}

}  // namespace

void UnaryCall::OnStart(ServerCall& call) {
  call_ = &call;
  queue_ = call.queue();
  auto identity = DeviceIdentityOf(call.peer());
  if (!identity.ok()) {
    Refuse(identity.status());
    return;
  }
  identity_ = *std::move(identity);
  parts_.gate.Check(identity_, [self = shared_from_this()](absl::StatusOr<DevicePoints> points) {
    self->queue_->Post([self, status = points.status()] { self->Admitted(status); });
  });
}

void UnaryCall::Admitted(const absl::Status& status) {
  if (call_ == nullptr) return;
  status.ok() ? call_->Read() : Refuse(status);
}

void UnaryCall::OnMessage(absl::string_view bytes) {
  const CallHeaders headers{RequestIdFrom(call_->head().request_id),
                            TraceParentFrom(call_->head().trace_parent)};
  call_->AddTrailer("x-request-id", headers.request_id);
  rpc::Principal principal;
  principal.set_subject(identity_.device);
  principal.add_roles(peerwatt::access::v1::DEVICE);
  PrepareContext(method_, parts_.deadlines, DeadlineOf(call_->head()), std::move(principal),
                 headers, client_);
  const grpc::Slice slice(bytes.data(), bytes.size());
  request_ = grpc::ByteBuffer(&slice, 1);
  parts_.upstreams.stub(method_.upstream)
      .UnaryCall(&client_, method_.path, {}, &request_, &response_,
                 [self = shared_from_this()](const grpc::Status& status) {
                   self->queue_->Post([self, status] { self->Answered(status); });
                 });
}

void UnaryCall::OnHalfClose() { Refuse(Error(kMessageMissing, "the call carries no message")); }

void UnaryCall::Answered(const grpc::Status& status) {
  if (call_ == nullptr) return;
  if (status.ok()) {
    call_->Write(TextOf(response_));
    call_->Finish({});
  } else {
    call_->Finish(CallEndOf(CallError(WireError(status))));
  }
}

void UnaryCall::Refuse(const absl::Status& error) { call_->Finish(CallEndOf(error)); }

void UnaryCall::OnWritten() {}

void UnaryCall::OnDone() {
  call_ = nullptr;
  client_.TryCancel();
}

}  // namespace peerwatt::gateway
