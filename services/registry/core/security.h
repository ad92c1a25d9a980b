#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "libs/domain/ids.h"

namespace peerwatt::registry {

/// Hashes passwords. Safe for many threads; only a few work at once, as each needs much memory.
class PasswordHasher {
 public:
  virtual ~PasswordHasher() = default;
  /// Errors: SIGN_IN_BUSY when too many wait already.
  virtual absl::StatusOr<std::string> Hash(absl::string_view password) = 0;
  /// Whether `password` has this hash. An empty hash never matches and takes as long as any
  /// other, so that the time of an answer does not tell which emails exist.
  /// Errors: SIGN_IN_BUSY when too many wait already.
  virtual absl::StatusOr<bool> Verify(absl::string_view password, const std::string& phc) = 0;
};

/// Makes and compares secrets.
class Secrets {
 public:
  virtual ~Secrets() = default;
  /// 32 random bytes, base64url.
  virtual std::string NewSecret() = 0;
  /// SHA-256, lower-case hexadecimal: what is stored instead of a secret.
  virtual std::string Fingerprint(absl::string_view text) const = 0;
  /// Compares in a time that does not depend on where the texts differ.
  virtual bool Equal(absl::string_view a, absl::string_view b) const = 0;
};

/// A certificate that the registry issued to a device.
struct IssuedCertificate {
  std::string serial;  ///< lower-case hexadecimal
  std::string pem;
  std::string csr_sha256;  ///< fingerprint of the signing request it answers
  absl::Time issued_at;
  absl::Time expires_at;
};

/// Signs the keys of devices.
class CertificateAuthority {
 public:
  virtual ~CertificateAuthority() = default;
  /// Issues a client certificate for the key of a signing request; of the request only the key
  /// counts. Errors: CSR_INVALID.
  virtual absl::StatusOr<IssuedCertificate> Issue(const DeviceId& device,
                                                  const std::string& csr_pem, absl::Time now) = 0;
  /// The authority's own certificate, PEM.
  virtual std::string authority_pem() const = 0;
};

}  // namespace peerwatt::registry
