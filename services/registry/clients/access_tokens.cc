#include "services/registry/clients/access_tokens.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/ids.h"

namespace peerwatt::registry {

JwtAccessTokens::JwtAccessTokens(std::unique_ptr<crypto::TokenSigner> signer, std::string issuer,
                                 std::string audience, absl::Duration life)
    : signer_(std::move(signer)),
      issuer_(std::move(issuer)),
      audience_(std::move(audience)),
      life_(life) {}

AccessToken JwtAccessTokens::Issue(const User& user, absl::Time now) {
  crypto::TokenClaims claims;
  claims.issuer = issuer_;
  claims.audience = audience_;
  claims.subject = absl::StrCat("users/", user.id.value());
  if (!user.participant.empty()) {
    claims.participant = absl::StrCat("participants/", user.participant.value());
  }
  claims.roles = NamesOf(user.roles);
  claims.token_id = NewUuid();
  // Tokens count in whole seconds.
  claims.issued_at = absl::FromUnixSeconds(absl::ToUnixSeconds(now));
  claims.expires_at = claims.issued_at + life_;
  return {signer_->Sign(claims), claims.expires_at};
}

std::vector<PublicKey> JwtAccessTokens::keys() const {
  const crypto::PublicJwk jwk = signer_->jwk();
  return {{jwk.kid, jwk.x, jwk.y}};
}

}  // namespace peerwatt::registry
