#pragma once

#include <memory>
#include <string>
#include <vector>

#include <grpcpp/grpcpp.h>

#include "absl/container/flat_hash_map.h"
#include "libs/rpc/call_probe.h"
#include "services/gateway/device/device_stream.h"
#include "services/gateway/device/unary_call.h"
#include "services/gateway/h2/call.h"

namespace peerwatt::gateway {

/// How a call of the device port ends with this error.
CallEnd CallEndOf(const absl::Status& error);
CallEnd CallEndOf(const grpc::Status& status);

/// The calls of the device port: the stream of readings, and unary methods that are forwarded.
class DeviceCalls final : public CallRouter {
 public:
  /// stream, unary: as they, the methods and the metrics outlive this.
  DeviceCalls(const DeviceStreamParts& stream, const UnaryCallParts& unary,
              const std::vector<const ApiMethod*>& methods, telemetry::Metrics& metrics);

  /// Errors: METHOD_UNKNOWN.
  absl::Status Route(const CallHead& head, std::shared_ptr<CallHandler>& handler) override;
  CallEnd EndOf(const absl::Status& error) override { return CallEndOf(error); }
  void Started(const std::string& path) override;
  void Ended(const std::string& path, int code, absl::Duration took) override;

 private:
  const DeviceStreamParts& stream_;
  const UnaryCallParts& unary_;
  absl::flat_hash_map<std::string, const ApiMethod*> methods_;
  rpc::CallProbe probe_;
};

}  // namespace peerwatt::gateway
