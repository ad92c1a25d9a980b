#include "services/gateway/device/device_calls.h"

#include "absl/strings/str_cat.h"
#include "libs/base/error.h"
#include "services/gateway/api/wire_error.h"
#include "services/gateway/core/errors.h"

namespace peerwatt::gateway {
namespace {

constexpr char kStreamReadings[] = "/peerwatt.metering.v1.Metering/StreamReadings";

absl::string_view TypeOf(const std::string& path) {
  return path == kStreamReadings ? "bidi_stream" : "unary";
}

}  // namespace

CallEnd CallEndOf(const grpc::Status& status) {
  return {static_cast<int>(status.error_code()), status.error_message(), status.error_details()};
}

CallEnd CallEndOf(const absl::Status& error) { return CallEndOf(CallError(WireError(error))); }

DeviceCalls::DeviceCalls(const DeviceStreamParts& stream, const UnaryCallParts& unary,
                         const std::vector<const ApiMethod*>& methods,
                         telemetry::Metrics& metrics)
    : stream_(stream), unary_(unary), probe_(metrics) {
  for (const ApiMethod* method : methods) methods_[method->path] = method;
}

absl::Status DeviceCalls::Route(const CallHead& head, std::shared_ptr<CallHandler>& handler) {
  if (head.path == kStreamReadings) {
    handler = std::make_shared<DeviceStream>(stream_);
    return absl::OkStatus();
  }
  const auto found = methods_.find(head.path);
  if (found == methods_.end()) {
    return Error(kMethodUnknown, absl::StrCat("no method ", head.path, " is offered here"));
  }
  handler = std::make_shared<UnaryCall>(unary_, *found->second);
  return absl::OkStatus();
}

void DeviceCalls::Started(const std::string& path) {
  probe_.Started(rpc::CallProbe::LabelOf(path), TypeOf(path));
}

void DeviceCalls::Ended(const std::string& path, int code, absl::Duration took) {
  probe_.Handled(rpc::CallProbe::LabelOf(path), TypeOf(path), code, absl::ToDoubleSeconds(took));
}

}  // namespace peerwatt::gateway
