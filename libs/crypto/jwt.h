#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace peerwatt::crypto {

/// What an access token says (RFC 9068).
struct TokenClaims {
  std::string issuer;
  std::string audience;
  std::string subject;      ///< `users/u1`
  std::string participant;  ///< `participants/p1` or empty
  std::vector<std::string> roles;  ///< `CONSUMER`, …
  std::string token_id;
  absl::Time issued_at;
  absl::Time expires_at;
};

/// Public part of a signing key, as in a JWK of curve P-256.
struct PublicJwk {
  std::string kid;
  std::string x;  ///< base64url without padding
  std::string y;
};

/// Signs access tokens with one P-256 key (ES256).
class TokenSigner {
 public:
  /// key_pem: PKCS #8 private key. Errors: kInvalidArgument when it is no P-256 key.
  static absl::StatusOr<std::unique_ptr<TokenSigner>> FromPem(const std::string& key_pem);
  virtual ~TokenSigner() = default;
  virtual std::string Sign(const TokenClaims& claims) const = 0;
  virtual PublicJwk jwk() const = 0;
};

/// Checks access tokens: algorithm ES256 only, typ `at+jwt`, known kid, signature, issuer,
/// audience, not before issued, not after expiry (60 s leeway each).
class TokenVerifier {
 public:
  static absl::StatusOr<std::unique_ptr<TokenVerifier>> FromKeys(std::vector<PublicJwk> keys,
                                                                 std::string issuer,
                                                                 std::string audience);
  virtual ~TokenVerifier() = default;
  /// Errors: TOKEN_MALFORMED, TOKEN_ALGORITHM_REFUSED, TOKEN_KEY_UNKNOWN, TOKEN_SIGNATURE_INVALID,
  /// TOKEN_CLAIMS_INVALID, TOKEN_EXPIRED; all kUnauthenticated.
  virtual absl::StatusOr<TokenClaims> Verify(absl::string_view token, absl::Time now) const = 0;
};

}  // namespace peerwatt::crypto
