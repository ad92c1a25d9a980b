#include "libs/rpc/call_probe.h"

#include <google/protobuf/descriptor.h>

#include <algorithm>
#include <iterator>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/strip.h"

namespace peerwatt::rpc {
namespace {

absl::string_view CodeName(int code) {
  static constexpr absl::string_view kNames[] = {
      "OK",       "Canceled",       "Unknown",          "InvalidArgument",   "DeadlineExceeded",
      "NotFound", "AlreadyExists",  "PermissionDenied", "ResourceExhausted", "FailedPrecondition",
      "Aborted",  "OutOfRange",     "Unimplemented",    "Internal",          "Unavailable",
      "DataLoss", "Unauthenticated"};
  const auto index = static_cast<size_t>(code);
  return index < std::size(kNames) ? kNames[index] : "Unknown";
}

// `/package.Service/Method`
telemetry::Labels LabelsOf(const std::string& method, absl::string_view type) {
  const size_t slash = method.rfind('/');
  return {{"grpc_service", method.substr(1, slash - 1)},
          {"grpc_method", method.substr(slash + 1)},
          {"grpc_type", std::string(type)}};
}

}  // namespace

std::string CallProbe::LabelOf(absl::string_view path) {
  // Names of this program only, so there are few.
  thread_local absl::flat_hash_set<std::string> known;
  if (known.contains(path)) return std::string(path);
  std::string name(absl::StripPrefix(path, "/"));
  std::replace(name.begin(), name.end(), '/', '.');
  const auto* pool = google::protobuf::DescriptorPool::generated_pool();
  const bool health =
      name == "grpc.health.v1.Health.Check" || name == "grpc.health.v1.Health.Watch";
  if (!health && pool->FindMethodByName(name) == nullptr) return "/_OTHER/_OTHER";
  known.emplace(path);
  return std::string(path);
}

void CallProbe::Started(const std::string& method, absl::string_view type) {
  const std::lock_guard lock(mutex_);
  telemetry::Counter*& counter = started_[method];
  if (counter == nullptr) {
    counter = &metrics_.AddCounter("grpc_server_started_total", "Calls started on the server.",
                                   LabelsOf(method, type));
  }
  counter->Increment(1);
}

void CallProbe::Handled(const std::string& method, absl::string_view type, int code,
                        double seconds) {
  const std::lock_guard lock(mutex_);
  telemetry::Counter*& counter = handled_[{method, code}];
  if (counter == nullptr) {
    telemetry::Labels labels = LabelsOf(method, type);
    labels["grpc_code"] = std::string(CodeName(code));
    counter = &metrics_.AddCounter("grpc_server_handled_total", "Calls ended on the server.",
                                   labels);
  }
  counter->Increment(1);
  telemetry::Histogram*& histogram = seconds_[method];
  if (histogram == nullptr) {
    histogram = &metrics_.AddHistogram("grpc_server_handling_seconds",
                                       "How long calls took on the server.",
                                       LabelsOf(method, type));
  }
  histogram->Observe(seconds);
}

}  // namespace peerwatt::rpc
