#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "libs/base/error.h"

namespace peerwatt::gateway {

/// A request that was read completely.
struct HttpRequest {
  std::string method;
  std::string target;
  std::string body;
  std::string address;  ///< of the client, without port
  /// Names in lower case.
  std::vector<std::pair<std::string, std::string>> headers;

  /// The value of the first header of this name (lower case), or empty.
  absl::string_view Header(absl::string_view name) const;
};

/// A response, or the head of a streamed one.
struct HttpResponse {
  int code = 200;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
};

/// One request and its answer. Every method may be called from any thread; after the client has
/// gone they do nothing but call back with false.
class HttpExchange {
 public:
  using Done = std::function<void(bool ok)>;
  virtual ~HttpExchange() = default;

  virtual const HttpRequest& request() const = 0;
  /// Answers at once. Call it at most once, and not with the three below.
  virtual void Respond(HttpResponse response) = 0;
  /// Starts a streamed answer.
  virtual void StartStream(HttpResponse head, Done done) = 0;
  /// Sends a part of it; the next one only after `done`.
  virtual void Write(std::string part, Done done) = 0;
  virtual void FinishStream() = 0;
  /// Ends a streamed answer so that the client sees that it is not whole.
  virtual void BreakStream() = 0;
  /// Calls back once when the client goes away or the server stops before the answer has ended.
  virtual void OnDisconnect(std::function<void()> callback) = 0;
};

/// Answers requests.
class HttpHandler {
 public:
  virtual ~HttpHandler() = default;
  virtual void Handle(std::shared_ptr<HttpExchange> exchange) = 0;
  /// The answer to a request that could not be read.
  virtual HttpResponse Refuse(const ErrorReason& reason, const std::string& message) = 0;
};

}  // namespace peerwatt::gateway
