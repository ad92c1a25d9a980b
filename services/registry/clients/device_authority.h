#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "services/registry/core/security.h"

namespace peerwatt::registry {

/// Signs device certificates with a key in this process.
class DeviceAuthority final : public CertificateAuthority {
 public:
  /// life: how long a certificate is good.
  DeviceAuthority(std::string authority_pem, std::string authority_key_pem, absl::Duration life);

  /// Whether the key belongs to the certificate and the certificate is good now.
  /// Errors: kFailedPrecondition.
  absl::Status Check(absl::Time now) const;

  absl::StatusOr<IssuedCertificate> Issue(const DeviceId& device, const std::string& csr_pem,
                                          absl::Time now) override;
  std::string authority_pem() const override { return authority_pem_; }

 private:
  const std::string authority_pem_;
  const std::string authority_key_pem_;
  const absl::Duration life_;
};

}  // namespace peerwatt::registry
