#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace peerwatt::tool {

/// One HTTP request with a JSON body or none.
struct HttpRequest {
  std::string method;  ///< `GET` or `POST`
  std::string target;  ///< path and query
  std::string body;
  std::string bearer_token;  ///< empty: none
};

/// What a server answered.
struct HttpResponse {
  int status = 0;
  std::string body;
};

/// A plain HTTP/1.1 client to one address that keeps its connection. Not safe for many threads.
class HttpClient {
 public:
  /// address: `host:port` with a numeric host.
  explicit HttpClient(std::string address);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  /// Sends one request and waits for the answer. Never tries again by itself.
  /// Errors: kUnavailable when there is no answer within `timeout`.
  absl::StatusOr<HttpResponse> Call(const HttpRequest& request, absl::Duration timeout);

 private:
  struct Impl;
  const std::string address_;
  std::unique_ptr<Impl> impl_;
};

}  // namespace peerwatt::tool
