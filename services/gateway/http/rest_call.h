#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include <google/protobuf/message.h>
#include <grpcpp/grpcpp.h>

#include "google/rpc/status.pb.h"
#include "services/gateway/http/exchange.h"
#include "services/gateway/http/rest_handler.h"

namespace peerwatt::gateway {

/// One HTTP request on its way: route, authorise, bind, call, print.
class RestCall final : public std::enable_shared_from_this<RestCall> {
 public:
  RestCall(RestHandler& handler, std::shared_ptr<HttpExchange> exchange);
  void Run();

 private:
  class Stream;
  /// How the parts of a streamed answer are set off.
  enum class Framing { kLines, kEvents };

  void Preflight();
  void Route();
  void Authorized(absl::StatusOr<Authenticator::Caller> caller);
  void CallUnary();
  void CallStream();
  void Reply(HttpResponse response);
  void Fail(const absl::Status& status) { Reply(ErrorResponse(WireErrorOf(status))); }
  static google::rpc::Status WireErrorOf(const absl::Status& status);
  /// Adds what every answer carries.
  void AddHeaders(HttpResponse& response) const;
  /// Counts and logs the end of the request.
  void Record(int code);
  /// A response message as JSON. Errors: kInternal when it cannot be read.
  absl::StatusOr<std::string> JsonOf(grpc::ByteBuffer& bytes) const;
  /// Whether the answer is a file, which is sent as it is.
  bool IsFile() const;
  /// What a streamed message adds to the answer. content_type: set for a file.
  absl::StatusOr<std::string> PartOf(grpc::ByteBuffer& bytes, std::string& content_type) const;
  std::string FramedMessage(const std::string& json) const;
  std::string FramedError(const google::rpc::Status& error) const;
  std::chrono::system_clock::time_point ClientDeadline() const;

  RestHandler& handler_;
  const std::shared_ptr<HttpExchange> exchange_;
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  CallHeaders headers_;
  std::string route_label_ = "_UNKNOWN";
  std::optional<Router::Match> match_;
  MethodTable::Route route_;
  Framing framing_ = Framing::kLines;
  Authenticator::Caller caller_;
  grpc::ClientContext context_;
  grpc::ByteBuffer request_;
  grpc::ByteBuffer response_;
};

}  // namespace peerwatt::gateway
