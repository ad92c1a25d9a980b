#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "libs/crypto/openssl_handles.h"

namespace peerwatt::crypto {

/// A private key that signs: ECDSA on P-256 over SHA-256. Safe for many threads.
class Signer {
 public:
  /// Errors: kInvalidArgument unless it is an unencrypted P-256 key.
  static absl::StatusOr<std::unique_ptr<Signer>> FromPem(const std::string& key_pem);
  /// The signature of `bytes`, DER.
  std::string Sign(absl::string_view bytes) const;

 private:
  explicit Signer(KeyHandle key) : key_(std::move(key)) {}

  KeyHandle key_;
};

/// A public key on an elliptic curve that checks ECDSA signatures. Safe for many threads.
class VerificationKey {
 public:
  /// The key of a certificate, whose own signature is not checked. Errors: kInvalidArgument.
  static absl::StatusOr<VerificationKey> FromCertificate(const std::string& certificate_pem);
  /// A SubjectPublicKeyInfo, DER. Errors: kInvalidArgument unless it is exactly one of an elliptic
  /// curve that has a name.
  static absl::StatusOr<VerificationKey> FromDer(absl::string_view der);

  /// Whether `signature`, DER, is this key's of data with this SHA-256 digest (32 bytes).
  bool VerifiesDigest(absl::string_view digest, absl::string_view signature) const;
  /// The key as SubjectPublicKeyInfo, DER.
  const std::string& der() const { return der_; }
  /// OpenSSL's name of the curve: `prime256v1`, `secp384r1`, `brainpoolP256r1`, …
  const std::string& curve() const { return curve_; }

 private:
  static absl::StatusOr<VerificationKey> From(KeyHandle key);

  KeyHandle key_;
  std::string der_;
  std::string curve_;
};

}  // namespace peerwatt::crypto
