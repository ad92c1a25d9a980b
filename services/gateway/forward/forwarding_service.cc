#include "services/gateway/forward/forwarding_service.h"

#include <grpcpp/impl/codegen/server_callback_handlers.h>

#include <memory>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "libs/base/error.h"
#include "services/gateway/api/wire_error.h"
#include "services/gateway/core/errors.h"
#include "services/gateway/forward/upload_call.h"

namespace peerwatt::gateway {
namespace {

using grpc::ByteBuffer;

/// One forwarded call: admit, read the request, call the service, pass on what it says.
class ForwardedCall final : public grpc::ServerGenericBidiReactor {
 public:
  ForwardedCall(grpc::CallbackServerContext& server, const ApiMethod& method,
                Upstreams& upstreams, const Deadlines& deadlines, const Admission& admission)
      : server_(server), method_(method), upstreams_(upstreams), deadlines_(deadlines),
        peer_(*this) {
    admission(server, method, [this](absl::StatusOr<Authenticator::Caller> caller) {
      if (!caller.ok()) {
        Refuse(caller.status());
        return;
      }
      caller_ = *std::move(caller);
      StartRead(&request_);
    });
  }

  void OnReadDone(bool ok) override {
    if (!ok) {
      Refuse(Error(kMessageMissing, "the call carries no message"));
      return;
    }
    const CallHeaders headers{RequestIdFrom(MetadataOf(server_, "x-request-id")),
                              TraceParentFrom(MetadataOf(server_, "traceparent"))};
    server_.AddTrailingMetadata("x-request-id", headers.request_id);
    PrepareContext(method_, deadlines_, server_.deadline(), caller_, headers, client_);
    Upstreams::Stub& stub = upstreams_.stub(method_.upstream);
    if (method_.server_streaming()) {
      stub.PrepareBidiStreamingCall(&client_, method_.path, {}, &peer_);
      // Reads are started from the other side's callbacks; the hold keeps the call open for them.
      peer_.AddHold();
      peer_.StartWriteLast(&request_, {});
      peer_.StartRead(&response_);
      peer_.StartCall();
    } else {
      stub.UnaryCall(&client_, method_.path, {}, &request_, &response_,
                     [this](const grpc::Status& status) {
                       if (status.ok()) {
                         StartWriteAndFinish(&response_, {}, grpc::Status::OK);
                       } else {
                         End(status);
                       }
                     });
    }
  }

  void OnWriteDone(bool ok) override {
    if (!method_.server_streaming()) return;
    if (ok) {
      peer_.StartRead(&response_);
    } else {
      client_.TryCancel();
      peer_.RemoveHold();
    }
  }

  void OnCancel() override { client_.TryCancel(); }
  void OnDone() override { delete this; }

 private:
  /// The service's side of a stream.
  class Peer final : public grpc::ClientBidiReactor<ByteBuffer, ByteBuffer> {
   public:
    explicit Peer(ForwardedCall& call) : call_(call) {}
    void OnReadDone(bool ok) override {
      if (ok) {
        call_.StartWrite(&call_.response_);
      } else {
        RemoveHold();
      }
    }
    void OnDone(const grpc::Status& status) override { call_.End(status); }

   private:
    ForwardedCall& call_;
  };

  void End(const grpc::Status& status) {
    Finish(status.ok() ? grpc::Status::OK : CallError(WireError(status)));
  }
  void Refuse(const absl::Status& status) { Finish(CallError(WireError(status))); }

  grpc::CallbackServerContext& server_;
  const ApiMethod& method_;
  Upstreams& upstreams_;
  const Deadlines& deadlines_;
  grpc::ClientContext client_;
  Authenticator::Caller caller_;
  ByteBuffer request_;
  ByteBuffer response_;
  Peer peer_;
};

/// Ends a call at once.
class RefusedCall final : public grpc::ServerGenericBidiReactor {
 public:
  explicit RefusedCall(const absl::Status& status) { Finish(CallError(WireError(status))); }
  void OnDone() override { delete this; }
};

absl::Status NotOffered(absl::string_view path) {
  return Error(kMethodUnknown, absl::StrCat("no method ", path, " is offered here"));
}

}  // namespace

ForwardingService::ForwardingService(const std::vector<const ApiMethod*>& methods,
                                     Upstreams& upstreams, Deadlines deadlines,
                                     Admission admission) {
  struct Shared {
    Upstreams& upstreams;
    Deadlines deadlines;
    Admission admission;
  };
  const auto shared =
      std::make_shared<const Shared>(Shared{upstreams, deadlines, std::move(admission)});
  for (size_t i = 0; i < methods.size(); ++i) {
    const ApiMethod& method = *methods[i];
    AddMethod(new grpc::internal::RpcServiceMethod(
        method.path.c_str(), grpc::internal::RpcMethod::BIDI_STREAMING, nullptr));
    MarkMethodRawCallback(
        static_cast<int>(i),
        new grpc::internal::CallbackBidiHandler<ByteBuffer, ByteBuffer>(
            [shared, &method](grpc::CallbackServerContext* context)
                -> grpc::ServerGenericBidiReactor* {
              if (method.client_streaming() && method.server_streaming()) {
                return new RefusedCall(NotOffered(method.path));
              }
              if (method.client_streaming()) {
                return new UploadCall(*context, method, shared->upstreams, shared->deadlines,
                                      shared->admission);
              }
              return new ForwardedCall(*context, method, shared->upstreams, shared->deadlines,
                                       shared->admission);
            }));
  }
}

grpc::ServerGenericBidiReactor* UnknownMethods::CreateReactor(
    grpc::GenericCallbackServerContext* context) {
  return new RefusedCall(NotOffered(context->method()));
}

Admission TokenAdmission(Authenticator& authenticator, RateLimit& sign_ins, const Clock& clock) {
  return [&authenticator, &sign_ins, &clock](const grpc::CallbackServerContext& context,
                                             const ApiMethod& method, Authenticator::Done done) {
    const absl::Status rate =
        TakeSignIn(method, AddressOf(context.peer()), sign_ins, clock.Now());
    if (!rate.ok()) {
      done(rate);
      return;
    }
    authenticator.Authorize(method, MetadataOf(context, "authorization"), std::move(done));
  };
}

absl::Status TakeSignIn(const ApiMethod& method, absl::string_view address, RateLimit& sign_ins,
                        absl::Time now) {
  if (method.descriptor->full_name() != "peerwatt.registry.v1.Registry.SignIn") {
    return absl::OkStatus();
  }
  const absl::Duration wait = sign_ins.Take(address, now);
  if (wait == absl::ZeroDuration()) return absl::OkStatus();
  const int64_t wait_ms = absl::ToInt64Milliseconds(absl::Ceil(wait, absl::Milliseconds(1)));
  return Error(kSignInRateExceeded,
               absl::StrCat("too many attempts to sign in; try again in ", wait_ms, " ms"),
               {{"wait_ms", absl::StrCat(wait_ms)}});
}

std::string AddressOf(absl::string_view peer) {
  const size_t colon = peer.rfind(':');
  return std::string(colon == absl::string_view::npos ? peer : peer.substr(0, colon));
}

std::string MetadataOf(const grpc::ServerContextBase& context, const char* key) {
  const auto found = context.client_metadata().find(key);
  if (found == context.client_metadata().end()) return "";
  return {found->second.data(), found->second.size()};
}

}  // namespace peerwatt::gateway
