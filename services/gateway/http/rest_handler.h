#pragma once

#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "google/rpc/status.pb.h"
#include "libs/base/clock.h"
#include "libs/telemetry/metrics.h"
#include "services/gateway/api/method_table.h"
#include "services/gateway/auth/authenticator.h"
#include "services/gateway/core/rate_limit.h"
#include "services/gateway/forward/upstreams.h"
#include "services/gateway/http/exchange.h"

namespace peerwatt::gateway {

/// What the REST door stands on. All of it outlives the handler and every call under way.
struct RestParts {
  const MethodTable& methods;
  Authenticator& authenticator;
  Upstreams& upstreams;
  RateLimit& sign_ins;
  const Clock& clock;
  telemetry::Metrics& metrics;
};

/// How the REST door behaves.
struct RestOptions {
  Deadlines deadlines;
  std::vector<std::string> cors_origins;  ///< exact origins; `*` for any
  std::string openapi_json;
};

/// Serves REST/JSON from the annotations, `/healthz` and `/openapi.json`.
class RestHandler final : public HttpHandler {
 public:
  RestHandler(const RestParts& parts, RestOptions options);
  void Handle(std::shared_ptr<HttpExchange> exchange) override;
  HttpResponse Refuse(const ErrorReason& reason, const std::string& message) override;
  /// From now on `/healthz` says that the process is about to stop.
  void StartDraining() { draining_.store(true); }

  /// Counts an answer. route: a template or a fixed word, never a path.
  void Observe(const std::string& method, const std::string& route, int code, double seconds);
  const RestParts& parts() const { return parts_; }
  const RestOptions& options() const { return options_; }
  bool draining() const { return draining_.load(); }

 private:
  const RestParts parts_;
  const RestOptions options_;
  std::atomic<bool> draining_{false};
  absl::Mutex mutex_;
  std::map<std::tuple<std::string, std::string, int>, telemetry::Histogram*> durations_
      ABSL_GUARDED_BY(mutex_);
};

/// The HTTP answer that an error gets: its JSON, the code (413, 431 and 405 by reason, otherwise
/// by google.rpc.Code), `WWW-Authenticate` with 401.
HttpResponse ErrorResponse(const google::rpc::Status& error);

}  // namespace peerwatt::gateway
