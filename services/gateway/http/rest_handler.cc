#include "services/gateway/http/rest_handler.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/error.h"
#include "libs/rpc/status.h"
#include "services/gateway/api/wire_error.h"
#include "services/gateway/core/errors.h"
#include "services/gateway/http/rest_call.h"
#include "services/gateway/json/message_writer.h"

namespace peerwatt::gateway {

absl::string_view HttpRequest::Header(absl::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (key == name) return value;
  }
  return {};
}

RestHandler::RestHandler(const RestParts& parts, RestOptions options)
    : parts_(parts), options_(std::move(options)) {}

void RestHandler::Handle(std::shared_ptr<HttpExchange> exchange) {
  std::make_shared<RestCall>(*this, std::move(exchange))->Run();
}

HttpResponse RestHandler::Refuse(const ErrorReason& reason, const std::string& message) {
  HttpResponse response = ErrorResponse(WireError(Error(reason, message)));
  Observe("_OTHER", "_UNREADABLE", response.code, 0);
  return response;
}

void RestHandler::Observe(const std::string& method, const std::string& route, int code,
                          double seconds) {
  telemetry::Histogram* histogram = nullptr;
  {
    const absl::MutexLock lock(&mutex_);
    telemetry::Histogram*& known = durations_[{method, route, code}];
    if (known == nullptr) {
      known = &parts_.metrics.AddHistogram(
          "http_server_request_duration_seconds", "How long HTTP requests took.",
          {{"method", method}, {"route", route}, {"code", absl::StrCat(code)}});
    }
    histogram = known;
  }
  histogram->Observe(seconds);
}

HttpResponse ErrorResponse(const google::rpc::Status& error) {
  const std::string reason = WireReasonOf(error);
  HttpResponse response;
  response.code = reason == kBodyTooLarge.name      ? 413
                  : reason == kHeadersTooLarge.name ? 431
                  : reason == kMethodNotAllowed.name ? 405
                                                     : rpc::HttpCodeOf(error.code());
  response.headers = {{"Content-Type", "application/json"}};
  if (response.code == 401) {
    response.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"peerwatt\"");
  }
  if (response.code == 429 || response.code == 503) {
    response.headers.emplace_back("Retry-After", "1");
  }
  WriteMessage(error, response.body);
  return response;
}

}  // namespace peerwatt::gateway
