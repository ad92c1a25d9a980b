#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <grpcpp/grpcpp.h>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/crypto/signature.h"
#include "peerwatt/registry/v1/registry.grpc.pb.h"
#include "services/metering/core/evidence/ports.h"

namespace peerwatt::metering {

/// Checks signatures with the keys of the certificates that the registry has issued to a device.
/// Keys are remembered for a while of real time; a signature that none of them made is checked
/// once more with keys that are asked for anew, since a device uses its new key at once. Safe for
/// many threads.
class RegistryDeviceKeys final : public SignatureChecker {
 public:
  /// life: how long an answer counts, and so how long a revoked device's signatures still do.
  explicit RegistryDeviceKeys(const std::shared_ptr<grpc::Channel>& channel,
                              absl::Duration life = absl::Seconds(30));
  absl::StatusOr<CheckedSignature> Check(const DeviceId& device, absl::string_view encoding,
                                         absl::string_view signature) override;

 private:
  using SteadyTime = std::chrono::steady_clock::time_point;
  using Keys = std::shared_ptr<const std::vector<crypto::VerificationKey>>;
  struct Entry {
    Keys keys;
    SteadyTime expires_at;
  };

  /// What is remembered of a device, or nothing.
  Keys Remembered(const DeviceId& device);
  absl::StatusOr<Keys> Ask(const DeviceId& device);

  const std::unique_ptr<registry::v1::RegistryInternal::StubInterface> stub_;
  const std::chrono::steady_clock::duration life_;
  std::mutex mutex_;
  absl::flat_hash_map<DeviceId, Entry> entries_;
};

}  // namespace peerwatt::metering
