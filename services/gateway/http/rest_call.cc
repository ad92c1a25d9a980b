#include "services/gateway/http/rest_call.h"

#include <algorithm>
#include <utility>

#include <grpcpp/impl/codegen/proto_utils.h>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "google/api/httpbody.pb.h"
#include "libs/base/error.h"
#include "libs/base/log.h"
#include "services/gateway/api/request_binder.h"
#include "services/gateway/api/wire_error.h"
#include "services/gateway/core/errors.h"
#include "services/gateway/core/uri.h"
#include "services/gateway/forward/forwarding_service.h"
#include "services/gateway/json/message_writer.h"

namespace peerwatt::gateway {
namespace {

using google::protobuf::Message;

std::unique_ptr<Message> NewMessage(const google::protobuf::Descriptor* type) {
  return std::unique_ptr<Message>(
      google::protobuf::MessageFactory::generated_factory()->GetPrototype(type)->New());
}

// A method as a metric label: the known ones, or one word for the rest.
std::string MethodLabel(const std::string& method) {
  for (const char* known : {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"}) {
    if (method == known) return method;
  }
  return "_OTHER";
}

}  // namespace

/// The service's side of a streamed answer: each message is read when the last one is written.
class RestCall::Stream final : public grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  explicit Stream(std::shared_ptr<RestCall> call) : call_(std::move(call)) {}

  void Start() {
    // Reads are started from the HTTP side; the hold keeps the call open for them.
    AddHold();
    StartWriteLast(&call_->request_, {});
    StartRead(&call_->response_);
    StartCall();
  }
  void OnReadDone(bool ok) override {
    if (!ok) {
      RemoveHold();
      return;
    }
    auto taken = call_->PartOf(call_->response_, content_type_);
    if (!taken.ok()) {
      failure_ = taken.status();
      Wrote(false);
      return;
    }
    std::string part = *std::move(taken);
    if (started_) {
      Write(std::move(part));
      return;
    }
    Open([this, part = std::move(part)](bool open) { open ? Write(part) : Wrote(false); });
  }
  void OnDone(const grpc::Status& status) override {
    const google::rpc::Status error =
        failure_.ok() ? (status.ok() ? google::rpc::Status() : WireError(status))
                      : WireError(failure_);
    const std::shared_ptr<RestCall> call = call_;
    if (!started_ && error.code() != 0) {
      call->Reply(ErrorResponse(error));
    } else if (!started_) {
      Open([call](bool) { call->exchange_->FinishStream(); });
      call->Record(200);
    } else {
      if (error.code() != 0 && call->IsFile()) {
        call->exchange_->BreakStream();
      } else if (error.code() != 0) {
        call->exchange_->Write(call->FramedError(error),
                               [call](bool) { call->exchange_->FinishStream(); });
      } else {
        call->exchange_->FinishStream();
      }
      call->Record(200);
    }
    delete this;
  }

 private:
  void Open(HttpExchange::Done done) {
    started_ = true;
    HttpResponse head;
    head.headers = {{"Content-Type", content_type_}, {"X-Accel-Buffering", "no"}};
    if (call_->IsFile()) head.headers.emplace_back("Content-Disposition", "attachment");
    call_->AddHeaders(head);
    call_->exchange_->StartStream(std::move(head), std::move(done));
  }
  void Write(std::string part) {
    call_->exchange_->Write(std::move(part), [this](bool ok) { Wrote(ok); });
  }
  void Wrote(bool ok) {
    if (ok) {
      StartRead(&call_->response_);
    } else {
      call_->context_.TryCancel();
      RemoveHold();
    }
  }

  const std::shared_ptr<RestCall> call_;
  /// Of a file, what its first piece says.
  std::string content_type_ =
      call_->framing_ == Framing::kEvents ? "text/event-stream" : "application/x-ndjson";
  bool started_ = false;
  absl::Status failure_;
};

RestCall::RestCall(RestHandler& handler, std::shared_ptr<HttpExchange> exchange)
    : handler_(handler), exchange_(std::move(exchange)) {
  headers_.request_id = RequestIdFrom(exchange_->request().Header("x-request-id"));
  headers_.trace_parent = TraceParentFrom(exchange_->request().Header("traceparent"));
}

void RestCall::Run() {
  const HttpRequest& request = exchange_->request();
  const absl::string_view path = SplitTarget(request.target).path;
  if (request.method == "OPTIONS" && !request.Header("access-control-request-method").empty()) {
    Preflight();
    return;
  }
  const bool health = path == "/healthz";
  if (!health && path != "/openapi.json") {
    Route();
    return;
  }
  route_label_ = std::string(path);
  if (request.method != "GET") {
    HttpResponse refused = ErrorResponse(
        WireError(Error(kMethodNotAllowed, absl::StrCat(request.method, " is not offered here"))));
    refused.headers.emplace_back("Allow", "GET");
    Reply(std::move(refused));
  } else if (health && handler_.draining()) {
    Fail(Error(kGatewayStopping, "the gateway is about to stop"));
  } else {
    Reply({200,
           {{"Content-Type", "application/json"}},
           health ? "{\"status\":\"SERVING\"}" : handler_.options().openapi_json});
  }
}

void RestCall::Preflight() {
  route_label_ = "_PREFLIGHT";
  HttpResponse response{204, {}, ""};
  response.headers = {{"Access-Control-Allow-Methods", "GET, POST, PUT, PATCH, DELETE"},
                      {"Access-Control-Allow-Headers",
                       "Authorization, Content-Type, X-Request-Id, Idempotency-Key, Traceparent"},
                      {"Access-Control-Max-Age", "600"}};
  Reply(std::move(response));
}

void RestCall::Route() {
  const HttpRequest& request = exchange_->request();
  Router::Result found = handler_.parts().methods.router().Find(
      request.method, SplitTarget(request.target).path);
  if (!found.match.has_value()) {
    if (found.allowed.empty()) {
      Fail(Error(kRouteUnknown, "no resource has this path"));
      return;
    }
    const std::string allowed = absl::StrJoin(found.allowed, ", ");
    HttpResponse refused = ErrorResponse(WireError(Error(
        kMethodNotAllowed, absl::StrCat("this path allows ", allowed), {{"allow", allowed}})));
    refused.headers.emplace_back("Allow", allowed);
    Reply(std::move(refused));
    return;
  }
  match_ = std::move(found.match);
  route_ = handler_.parts().methods.RouteOf(match_->target);
  route_label_ = route_.binding->path.text();
  const absl::Status rate = TakeSignIn(*route_.method, request.address, handler_.parts().sign_ins,
                                       handler_.parts().clock.Now());
  if (!rate.ok()) {
    Fail(rate);
    return;
  }
  handler_.parts().authenticator.Authorize(
      *route_.method, request.Header("authorization"),
      [self = shared_from_this()](absl::StatusOr<Authenticator::Caller> caller) {
        self->Authorized(std::move(caller));
      });
}

void RestCall::Authorized(absl::StatusOr<Authenticator::Caller> caller) {
  if (!caller.ok()) {
    Fail(caller.status());
    return;
  }
  caller_ = *std::move(caller);
  const HttpRequest& request = exchange_->request();
  const auto message = NewMessage(route_.method->descriptor->input_type());
  const absl::Status bound =
      BindRequest(*route_.binding, match_->bindings, SplitTarget(request.target).query,
                  request.body, *message);
  if (!bound.ok()) {
    Fail(bound);
    return;
  }
  bool own_buffer = false;
  grpc::SerializationTraits<Message>::Serialize(*message, &request_, &own_buffer);
  PrepareContext(*route_.method, handler_.options().deadlines, ClientDeadline(), caller_, headers_,
                 context_);
  exchange_->OnDisconnect([weak = weak_from_this()] {
    if (const auto self = weak.lock(); self != nullptr) self->context_.TryCancel();
  });
  route_.method->server_streaming() ? CallStream() : CallUnary();
}

void RestCall::CallUnary() {
  handler_.parts().upstreams.stub(route_.method->upstream).UnaryCall(
      &context_, route_.method->path, {}, &request_, &response_,
      [self = shared_from_this()](const grpc::Status& status) {
        if (!status.ok()) {
          self->Reply(ErrorResponse(WireError(status)));
          return;
        }
        auto json = self->JsonOf(self->response_);
        if (!json.ok()) {
          self->Fail(json.status());
          return;
        }
        self->Reply({200, {{"Content-Type", "application/json"}}, *std::move(json)});
      });
}

void RestCall::CallStream() {
  if (absl::StrContains(exchange_->request().Header("accept"), "text/event-stream")) {
    framing_ = Framing::kEvents;
  }
  auto* stream = new Stream(shared_from_this());
  handler_.parts().upstreams.stub(route_.method->upstream).PrepareBidiStreamingCall(
      &context_, route_.method->path, {}, stream);
  stream->Start();
}

google::rpc::Status RestCall::WireErrorOf(const absl::Status& status) { return WireError(status); }

void RestCall::Reply(HttpResponse response) {
  Record(response.code);
  AddHeaders(response);
  exchange_->Respond(std::move(response));
}

void RestCall::AddHeaders(HttpResponse& response) const {
  response.headers.emplace_back("X-Request-Id", headers_.request_id);
  response.headers.emplace_back("X-Content-Type-Options", "nosniff");
  response.headers.emplace_back("X-Frame-Options", "DENY");
  response.headers.emplace_back("Content-Security-Policy",
                                "default-src 'none'; frame-ancestors 'none'");
  response.headers.emplace_back("Referrer-Policy", "no-referrer");
  response.headers.emplace_back("Strict-Transport-Security", "max-age=31536000");
  response.headers.emplace_back("Cache-Control", "no-store");
  const absl::string_view origin = exchange_->request().Header("origin");
  if (origin.empty()) return;
  for (const std::string& allowed : handler_.options().cors_origins) {
    if (allowed != "*" && allowed != origin) continue;
    response.headers.emplace_back("Access-Control-Allow-Origin", std::string(origin));
    response.headers.emplace_back("Access-Control-Expose-Headers", "X-Request-Id, Retry-After");
    response.headers.emplace_back("Vary", "Origin");
    return;
  }
}

void RestCall::Record(int code) {
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  const HttpRequest& request = exchange_->request();
  handler_.Observe(MethodLabel(request.method), route_label_, code, seconds);
  Log(code >= 400 ? Severity::kInfo : Severity::kDebug, "request",
      {{"method", MethodLabel(request.method)},
       {"route", route_label_},
       {"code", code},
       {"latency_ms", seconds * 1000},
       {"request_id", headers_.request_id},
       {"trace_id", headers_.trace_parent.empty() ? "" : headers_.trace_parent.substr(3, 32)}});
}

bool RestCall::IsFile() const {
  return route_.method->descriptor->output_type()->full_name() == "google.api.HttpBody";
}

absl::StatusOr<std::string> RestCall::PartOf(grpc::ByteBuffer& bytes,
                                             std::string& content_type) const {
  if (!IsFile()) {
    const auto json = JsonOf(bytes);
    return json.ok() ? absl::StatusOr<std::string>(FramedMessage(*json)) : json.status();
  }
  google::api::HttpBody body;
  if (!grpc::SerializationTraits<Message>::Deserialize(&bytes, &body).ok()) {
    return absl::InternalError("a service's answer cannot be read");
  }
  content_type = body.content_type();
  return std::move(*body.mutable_data());
}

absl::StatusOr<std::string> RestCall::JsonOf(grpc::ByteBuffer& bytes) const {
  const auto message = NewMessage(route_.method->descriptor->output_type());
  if (!grpc::SerializationTraits<Message>::Deserialize(&bytes, message.get()).ok()) {
    return absl::InternalError("a service's answer cannot be read");
  }
  return WriteMessage(*message);
}

std::string RestCall::FramedMessage(const std::string& json) const {
  return framing_ == Framing::kEvents ? absl::StrCat("data: ", json, "\n\n")
                                      : absl::StrCat("{\"result\":", json, "}\n");
}

std::string RestCall::FramedError(const google::rpc::Status& error) const {
  const std::string json = WriteMessage(error);
  return framing_ == Framing::kEvents ? absl::StrCat("event: error\ndata: ", json, "\n\n")
                                      : absl::StrCat("{\"error\":", json, "}\n");
}

std::chrono::system_clock::time_point RestCall::ClientDeadline() const {
  // As in gRPC: up to 8 digits and a unit.
  const absl::string_view text = exchange_->request().Header("grpc-timeout");
  int64_t count = 0;
  if (text.size() < 2 || text.size() > 9 ||
      !absl::SimpleAtoi(text.substr(0, text.size() - 1), &count) || count < 0) {
    return std::chrono::system_clock::time_point::max();
  }
  absl::Duration timeout = absl::InfiniteDuration();
  switch (text.back()) {
    case 'H':
      timeout = absl::Hours(count);
      break;
    case 'M':
      timeout = absl::Minutes(count);
      break;
    case 'S':
      timeout = absl::Seconds(count);
      break;
    case 'm':
      timeout = absl::Milliseconds(count);
      break;
    case 'u':
      timeout = absl::Microseconds(count);
      break;
    case 'n':
      timeout = absl::Nanoseconds(count);
      break;
    default:
      break;
  }
  if (timeout > absl::Hours(24)) return std::chrono::system_clock::time_point::max();
  return absl::ToChronoTime(absl::Now() + timeout);
}

}  // namespace peerwatt::gateway
