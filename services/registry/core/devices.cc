#include "services/registry/core/devices.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "libs/base/ids.h"
#include "libs/base/status_macros.h"
#include "services/registry/core/errors.h"

namespace peerwatt::registry {
namespace {

constexpr size_t kMeteringPointsMax = 10'000;

}  // namespace

absl::string_view NameOf(DeviceState state) {
  switch (state) {
    case DeviceState::kEnrolling:
      return "ENROLLING";
    case DeviceState::kActive:
      return "ACTIVE";
    case DeviceState::kRevoked:
      return "REVOKED";
  }
  return "";
}

absl::StatusOr<DeviceState> DeviceStateFromName(absl::string_view name) {
  for (const auto state : {DeviceState::kEnrolling, DeviceState::kActive, DeviceState::kRevoked}) {
    if (NameOf(state) == name) return state;
  }
  return absl::InvalidArgumentError(absl::StrCat("no device state ", name));
}

absl::StatusOr<Device> CheckNewDevice(Device asked) {
  if (!IsResourceId(asked.id.value())) {
    return FieldInvalid("device_id", "must match [a-z][a-z0-9-]{0,61}[a-z0-9]");
  }
  auto& points = asked.metering_points;
  if (points.empty() || points.size() > kMeteringPointsMax) {
    return FieldInvalid("device.metering_points", "must name 1 to 10000 metering points");
  }
  std::sort(points.begin(), points.end());
  if (std::adjacent_find(points.begin(), points.end()) != points.end()) {
    return FieldInvalid("device.metering_points", "must name each metering point once");
  }
  return asked;
}

absl::StatusOr<CertificateDecision> DecideEnrolment(const DeviceRecord* record,
                                                    absl::string_view token_sha256,
                                                    absl::string_view csr_sha256,
                                                    const Secrets& secrets, absl::Time now) {
  const auto invalid = Error(kEnrolmentTokenInvalid, "the enrolment token does not work");
  if (record == nullptr || record->device.state == DeviceState::kRevoked ||
      !secrets.Equal(record->enrolment.token_sha256, token_sha256)) {
    return invalid;
  }
  if (!record->enrolment.csr_sha256.empty()) {
    // Used already. Only the very certificate that it was used for may be asked for again.
    if (record->enrolment.csr_sha256 != csr_sha256 || !record->newest ||
        record->newest->csr_sha256 != csr_sha256) {
      return invalid;
    }
    return CertificateDecision{record->newest};
  }
  if (now >= record->enrolment.token_expires_at) return invalid;
  return CertificateDecision{};
}

absl::StatusOr<CertificateDecision> DecideRenewal(const DeviceRecord* record,
                                                  absl::string_view csr_sha256, absl::Time now) {
  if (record == nullptr) return Error(kNotFound, "there is no such device");
  if (record->device.state != DeviceState::kActive) {
    return Error(kDeviceStateForbids,
                 absl::StrCat("a device in state ", NameOf(record->device.state),
                              " cannot renew its certificate"),
                 {{"device", record->device.id.value()}});
  }
  if (record->newest && record->newest->csr_sha256 == csr_sha256 &&
      now < RenewTimeOf(*record->newest)) {
    return CertificateDecision{record->newest};
  }
  return CertificateDecision{};
}

absl::Time RenewTimeOf(const IssuedCertificate& certificate) {
  return certificate.issued_at + (certificate.expires_at - certificate.issued_at) * 2 / 3;
}

absl::StatusOr<Devices::Created> Devices::Create(const Device& device, absl::Time now) {
  const std::string token = secrets_.NewSecret();
  const Enrolment enrolment{secrets_.Fingerprint(token), now + kEnrolmentTokenLife, ""};
  PW_ASSIGN_OR_RETURN(Device stored, store_.Create(device, enrolment));
  return Created{std::move(stored), token};
}

absl::StatusOr<IssuedCertificate> Devices::Issue(const DeviceId& id, const std::string& csr_pem,
                                                 const std::string& csr_sha256, absl::Time now) {
  PW_ASSIGN_OR_RETURN(IssuedCertificate issued, authority_.Issue(id, csr_pem, now));
  issued.csr_sha256 = csr_sha256;
  return issued;
}

absl::StatusOr<IssuedCertificate> Devices::Enrol(const DeviceId& id, absl::string_view token,
                                                 const std::string& csr_pem, absl::Time now) {
  const std::string token_sha256 = secrets_.Fingerprint(token);
  const std::string csr_sha256 = secrets_.Fingerprint(csr_pem);
  return store_.Certify(
      id, [&](const DeviceRecord* record, bool& is_new) -> absl::StatusOr<IssuedCertificate> {
        PW_ASSIGN_OR_RETURN(const CertificateDecision decision,
                            DecideEnrolment(record, token_sha256, csr_sha256, secrets_, now));
        is_new = !decision.again.has_value();
        return is_new ? Issue(id, csr_pem, csr_sha256, now) : *decision.again;
      });
}

absl::StatusOr<IssuedCertificate> Devices::Renew(const DeviceId& id, const std::string& csr_pem,
                                                 absl::Time now) {
  const std::string csr_sha256 = secrets_.Fingerprint(csr_pem);
  return store_.Certify(
      id, [&](const DeviceRecord* record, bool& is_new) -> absl::StatusOr<IssuedCertificate> {
        PW_ASSIGN_OR_RETURN(const CertificateDecision decision,
                            DecideRenewal(record, csr_sha256, now));
        is_new = !decision.again.has_value();
        return is_new ? Issue(id, csr_pem, csr_sha256, now) : *decision.again;
      });
}

}  // namespace peerwatt::registry
