#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include <grpcpp/grpcpp.h>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "peerwatt/registry/v1/registry.grpc.pb.h"
#include "services/gateway/h2/call.h"

namespace peerwatt::gateway {

/// A device as its client certificate names it.
struct DeviceIdentity {
  std::string device;  ///< `devices/d1`
  std::string certificate_serial;
};
/// Errors: CERTIFICATE_UNKNOWN when the certificate names no device.
absl::StatusOr<DeviceIdentity> DeviceIdentityOf(const PeerCertificate& peer);

/// The metering points that a device may report: `meteringPoints/mp1`.
using DevicePoints = std::shared_ptr<const absl::flat_hash_set<std::string>>;

/// What the registry's answer means for the device.
/// Errors: DEVICE_REVOKED; CERTIFICATE_UNKNOWN when it is not active or the serial is unknown.
absl::StatusOr<DevicePoints> Judge(const peerwatt::registry::v1::ResolveDeviceResponse& answer);

/// Asks the registry whether devices may report. Questions that come while it answers go together
/// in the next call, so that ten thousand devices that connect at once cost it tens of calls.
class DeviceGate {
 public:
  using Done = std::function<void(absl::StatusOr<DevicePoints>)>;

  /// known_for: how long a device that may report is let in without asking again.
  DeviceGate(const std::shared_ptr<grpc::Channel>& registry, absl::Duration known_for);
  /// Waits for the calls under way; the questions must have been answered.
  ~DeviceGate();
  DeviceGate(const DeviceGate&) = delete;
  DeviceGate& operator=(const DeviceGate&) = delete;

  /// Whether a device may begin to report. Calls `done` once, perhaps at once. Errors: as Judge;
  /// PEER_UNAVAILABLE or DEADLINE_EXCEEDED when the registry does not answer.
  void Check(const DeviceIdentity& identity, Done done);
  /// The same for a device that reports already: asks the registry in any case, after those that
  /// wait to begin.
  void Recheck(const DeviceIdentity& identity, Done done);

 private:
  struct Question {
    DeviceIdentity identity;
    Done done;
  };
  struct Known {
    DevicePoints points;
    absl::Time asked_at;
  };
  struct Call;
  /// By device and serial number.
  using KnownDevices = absl::flat_hash_map<std::pair<std::string, std::string>, Known>;

  const Known* Find(const DeviceIdentity& identity) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  /// Keeps what was answered; the same points stay the same object.
  void Remember(const DeviceIdentity& identity, DevicePoints& points)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void AskNext() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Answered(Call& call, const grpc::Status& status) ABSL_LOCKS_EXCLUDED(mutex_);

  const absl::Duration known_for_;
  std::unique_ptr<peerwatt::registry::v1::RegistryInternal::Stub> registry_;
  absl::Mutex mutex_;
  std::deque<Question> openings_ ABSL_GUARDED_BY(mutex_);
  std::deque<Question> rechecks_ ABSL_GUARDED_BY(mutex_);
  int calls_ ABSL_GUARDED_BY(mutex_) = 0;
  /// Two generations: what is in neither was not asked about for a while and is forgotten.
  KnownDevices known_ ABSL_GUARDED_BY(mutex_);
  KnownDevices known_before_ ABSL_GUARDED_BY(mutex_);
  absl::Time generation_at_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
};

}  // namespace peerwatt::gateway
