#include "services/gateway/forward/upload_call.h"

#include <utility>

#include "services/gateway/api/wire_error.h"

namespace peerwatt::gateway {

UploadCall::UploadCall(grpc::CallbackServerContext& server, const ApiMethod& method,
                       Upstreams& upstreams, const Deadlines& deadlines,
                       const Admission& admission)
    : server_(server), method_(method), upstreams_(upstreams), deadlines_(deadlines),
      peer_(*this) {
  admission(server, method, [this](absl::StatusOr<Authenticator::Caller> caller) {
    if (!caller.ok()) {
      Finish(CallError(WireError(caller.status())));
      return;
    }
    caller_ = *std::move(caller);
    Connect();
  });
}

void UploadCall::Connect() {
  const CallHeaders headers{RequestIdFrom(MetadataOf(server_, "x-request-id")),
                            TraceParentFrom(MetadataOf(server_, "traceparent"))};
  server_.AddTrailingMetadata("x-request-id", headers.request_id);
  PrepareContext(method_, deadlines_, server_.deadline(), caller_, headers, client_);
  upstreams_.stub(method_.upstream).PrepareBidiStreamingCall(&client_, method_.path, {}, &peer_);
  // Writes are started from the other side's callbacks; the hold keeps the call open for them.
  peer_.AddHold();
  peer_.StartRead(&response_);
  peer_.StartCall();
  StartRead(&request_);
}

void UploadCall::OnReadDone(bool ok) {
  const std::lock_guard lock(mutex_);
  if (released_) return;
  if (ok) {
    peer_.StartWrite(&request_);
    return;
  }
  // The client has said all, or has gone: then OnCancel ends the service's side.
  peer_.StartWritesDone();
  Release();
}

void UploadCall::OnHandedOn(bool ok) {
  const std::lock_guard lock(mutex_);
  if (released_) return;
  if (ok) {
    StartRead(&request_);
  } else {
    Release();
  }
}

void UploadCall::OnAnswer(bool ok) {
  const std::lock_guard lock(mutex_);
  answered_ = ok;
  // Whether the client has said all or not: after its one answer the service takes no more.
  if (!released_) Release();
}

void UploadCall::Release() {
  released_ = true;
  peer_.RemoveHold();
}

void UploadCall::OnEnd(const grpc::Status& status) {
  if (status.ok() && answered_) {
    StartWriteAndFinish(&response_, {}, grpc::Status::OK);
  } else {
    Finish(CallError(WireError(status.ok() ? grpc::Status(grpc::StatusCode::INTERNAL, "no answer")
                                           : status)));
  }
}

}  // namespace peerwatt::gateway
