#pragma once

#include <mutex>

#include <grpcpp/grpcpp.h>

#include "services/gateway/forward/admission.h"
#include "services/gateway/forward/upstreams.h"

namespace peerwatt::gateway {

/// One forwarded call of a client-streaming method: admits it, hands on message after message, and
/// answers what the service answers. The next message is read when the service's side has taken the
/// last one, so that a slow service slows the client down. Deletes itself.
class UploadCall final : public grpc::ServerGenericBidiReactor {
 public:
  /// method, upstreams, deadlines: outlive the call.
  UploadCall(grpc::CallbackServerContext& server, const ApiMethod& method, Upstreams& upstreams,
             const Deadlines& deadlines, const Admission& admission);

  void OnReadDone(bool ok) override;
  void OnCancel() override { client_.TryCancel(); }
  void OnDone() override { delete this; }

 private:
  /// The service's side.
  class Peer final : public grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
   public:
    explicit Peer(UploadCall& call) : call_(call) {}
    void OnWriteDone(bool ok) override { call_.OnHandedOn(ok); }
    void OnReadDone(bool ok) override { call_.OnAnswer(ok); }
    void OnDone(const grpc::Status& status) override { call_.OnEnd(status); }

   private:
    UploadCall& call_;
  };

  void Connect();
  void OnHandedOn(bool ok);
  void OnAnswer(bool ok);
  void OnEnd(const grpc::Status& status);
  /// Lets the service's side end: nothing more is handed on. With mutex_ held.
  void Release();

  grpc::CallbackServerContext& server_;
  const ApiMethod& method_;
  Upstreams& upstreams_;
  const Deadlines& deadlines_;
  grpc::ClientContext client_;
  Authenticator::Caller caller_;
  grpc::ByteBuffer request_;
  grpc::ByteBuffer response_;
  std::mutex mutex_;
  bool released_ = false;
  bool answered_ = false;
  Peer peer_;
};

}  // namespace peerwatt::gateway
