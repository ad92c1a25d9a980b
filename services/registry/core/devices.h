#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "libs/domain/ids.h"
#include "services/registry/core/audit.h"
#include "services/registry/core/security.h"

namespace peerwatt::registry {

/// How long an enrolment token works.
inline constexpr absl::Duration kEnrolmentTokenLife = absl::Hours(24 * 7);

/// Life cycle of a device.
enum class DeviceState { kEnrolling, kActive, kRevoked };

/// `ENROLLING`, …, as in the database.
absl::string_view NameOf(DeviceState state);
/// Reads a name. Errors: kInvalidArgument.
absl::StatusOr<DeviceState> DeviceStateFromName(absl::string_view name);

/// A meter or a concentrator that reports readings.
struct Device {
  DeviceId id;
  std::vector<MeteringPointId> metering_points;  ///< by id
  DeviceState state = DeviceState::kEnrolling;
  std::string certificate_serial;  ///< of the newest certificate, or empty
  std::optional<absl::Time> certificate_expires_at;
  absl::Time created_at;
};

/// Sorts the metering points. Errors, in this order: FIELD_INVALID for device_id and
/// device.metering_points (1 to 10000, each once).
absl::StatusOr<Device> CheckNewDevice(Device asked);

/// What lets a device enrol, once.
struct Enrolment {
  std::string token_sha256;
  absl::Time token_expires_at;
  std::string csr_sha256;  ///< of the request that used the token, or empty
};

/// A device with what decisions about its certificates need.
struct DeviceRecord {
  Device device;
  Enrolment enrolment;
  std::optional<IssuedCertificate> newest;
};

/// What to do for a device that asks for a certificate: hand `again` out once more, or issue.
struct CertificateDecision {
  std::optional<IssuedCertificate> again;
};

/// Decides about an enrolment. The same request again gets the same certificate; the token works
/// for no other. `now` is real time. record: nullptr when the device is unknown.
/// Errors: ENROLMENT_TOKEN_INVALID, whatever is wrong.
absl::StatusOr<CertificateDecision> DecideEnrolment(const DeviceRecord* record,
                                                    absl::string_view token_sha256,
                                                    absl::string_view csr_sha256,
                                                    const Secrets& secrets, absl::Time now);

/// Decides about a renewal. A request that was answered not long ago gets the same certificate.
/// Errors: NOT_FOUND, DEVICE_STATE_FORBIDS unless the device is active.
absl::StatusOr<CertificateDecision> DecideRenewal(const DeviceRecord* record,
                                                  absl::string_view csr_sha256, absl::Time now);

/// When a certificate should be renewed: after two thirds of its life.
absl::Time RenewTimeOf(const IssuedCertificate& certificate);

/// What a certificate of a device is good for.
struct ResolvedDevice {
  DeviceState state = DeviceState::kEnrolling;
  bool certificate_known = false;
  std::vector<MeteringPointId> metering_points;
};

/// A device with the serial number of a certificate that it showed.
struct ShownCertificate {
  DeviceId device;
  std::string serial;
};

/// Devices and their certificates.
class DeviceStore {
 public:
  /// Returns the certificate, and sets whether it is new and must be stored.
  using CertificateSource = absl::FunctionRef<absl::StatusOr<IssuedCertificate>(
      const DeviceRecord* record, bool& is_new)>;

  virtual ~DeviceStore() = default;
  /// Stores a device with its enrolment token; for a device that is still enrolling, the new token
  /// replaces the old one. Errors: METERING_POINT_UNKNOWN, CONTENT_DIFFERS, DEVICE_STATE_FORBIDS.
  virtual absl::StatusOr<Device> Create(const Device& device, const Enrolment& enrolment) = 0;
  /// Errors: NOT_FOUND.
  virtual absl::StatusOr<Device> Get(const DeviceId& id) = 0;
  /// At most `limit` devices whose ids follow `after`, by id.
  virtual absl::StatusOr<std::vector<Device>> List(const DeviceId& after, int limit) = 0;
  /// Stores a new certificate of the locked device, marks its token as used and the device as
  /// active, at once. Errors: those of `source`.
  virtual absl::StatusOr<IssuedCertificate> Certify(const DeviceId& id,
                                                    CertificateSource source) = 0;
  /// Revokes a device for good, with an audit event. Revoking again changes nothing.
  /// Errors: NOT_FOUND.
  virtual absl::StatusOr<Device> Revoke(const DeviceId& id, const Actor& actor) = 0;
  /// What certificates are good for, in the order asked; nothing for an unknown device.
  virtual absl::StatusOr<std::vector<std::optional<ResolvedDevice>>> Resolve(
      const std::vector<ShownCertificate>& shown) = 0;
  /// Certificates of the device that have not expired at `now`, PEM, newest first; none when it is
  /// revoked. Errors: DEVICE_UNKNOWN.
  virtual absl::StatusOr<std::vector<std::string>> ListCertificates(const DeviceId& id,
                                                                    absl::Time now) = 0;
};

/// Enrolment of devices. Times are real time.
class Devices {
 public:
  Devices(DeviceStore& store, CertificateAuthority& authority, Secrets& secrets)
      : store_(store), authority_(authority), secrets_(secrets) {}

  struct Created {
    Device device;
    std::string enrolment_token;
  };
  /// Registers a checked device and makes its enrolment token. Errors: as DeviceStore::Create.
  absl::StatusOr<Created> Create(const Device& device, absl::Time now);
  /// Errors: ENROLMENT_TOKEN_INVALID, CSR_INVALID.
  absl::StatusOr<IssuedCertificate> Enrol(const DeviceId& id, absl::string_view token,
                                          const std::string& csr_pem, absl::Time now);
  /// Errors: NOT_FOUND, DEVICE_STATE_FORBIDS, CSR_INVALID.
  absl::StatusOr<IssuedCertificate> Renew(const DeviceId& id, const std::string& csr_pem,
                                          absl::Time now);
  /// The authorities above the devices' certificates, PEM.
  std::string authority_pem() const { return authority_.authority_pem(); }

 private:
  absl::StatusOr<IssuedCertificate> Issue(const DeviceId& id, const std::string& csr_pem,
                                          const std::string& csr_sha256, absl::Time now);

  DeviceStore& store_;
  CertificateAuthority& authority_;
  Secrets& secrets_;
};

}  // namespace peerwatt::registry
