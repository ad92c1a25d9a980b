#pragma once

#include <functional>
#include <memory>
#include <string>

#include <grpcpp/grpcpp.h>

#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "peerwatt/registry/v1/registry.grpc.pb.h"

namespace peerwatt::gateway {

/// A device as its client certificate names it.
struct DeviceIdentity {
  std::string device;  ///< `devices/d1`
  std::string certificate_serial;
};
/// Errors: CERTIFICATE_UNKNOWN when the certificate names no device.
absl::StatusOr<DeviceIdentity> DeviceIdentityOf(const grpc::AuthContext& auth);

/// The metering points that a device may report: `meteringPoints/mp1`.
using DevicePoints = std::shared_ptr<const absl::flat_hash_set<std::string>>;

/// What the registry's answer means for the device.
/// Errors: DEVICE_REVOKED; CERTIFICATE_UNKNOWN when it is not active or the serial is unknown.
absl::StatusOr<DevicePoints> Judge(const peerwatt::registry::v1::ResolveDeviceResponse& answer);

/// Asks the registry whether a device may report.
class DeviceGate {
 public:
  using Done = std::function<void(absl::StatusOr<DevicePoints>)>;

  explicit DeviceGate(const std::shared_ptr<grpc::Channel>& registry);
  /// Calls `done` once on another thread. Errors: as Judge; PEER_UNAVAILABLE or
  /// DEADLINE_EXCEEDED when the registry does not answer.
  void Check(const DeviceIdentity& identity, Done done);

 private:
  std::unique_ptr<peerwatt::registry::v1::RegistryInternal::Stub> registry_;
};

}  // namespace peerwatt::gateway
