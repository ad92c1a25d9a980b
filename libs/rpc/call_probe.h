#pragma once

#include <map>
#include <mutex>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "libs/telemetry/metrics.h"

namespace peerwatt::rpc {

/// The usual gRPC server metrics, so that public dashboards and alerts work unchanged.
/// Series are found once per method and code; a lookup in the metrics library costs microseconds.
/// Safe for many threads.
class CallProbe {
 public:
  /// metrics: outlives the probe.
  explicit CallProbe(telemetry::Metrics& metrics) : metrics_(metrics) {}

  /// What a method is called in the metrics: `/package.Service/Method`. The name comes from the
  /// client; only one that this program knows may become a label.
  static std::string LabelOf(absl::string_view path);

  /// method: as `LabelOf` says. type: `unary`, `bidi_stream`, …
  void Started(const std::string& method, absl::string_view type);
  /// code: of gRPC.
  void Handled(const std::string& method, absl::string_view type, int code, double seconds);

 private:
  telemetry::Metrics& metrics_;
  std::mutex mutex_;
  std::map<std::string, telemetry::Counter*> started_;
  std::map<std::pair<std::string, int>, telemetry::Counter*> handled_;
  std::map<std::string, telemetry::Histogram*> seconds_;
};

}  // namespace peerwatt::rpc
