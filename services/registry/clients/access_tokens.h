#pragma once

#include <memory>
#include <string>
#include <vector>

#include "libs/crypto/jwt.h"
#include "services/registry/core/users.h"

namespace peerwatt::registry {

/// Access tokens as JWTs (RFC 9068), signed with one key.
class JwtAccessTokens final : public AccessTokens {
 public:
  JwtAccessTokens(std::unique_ptr<crypto::TokenSigner> signer, std::string issuer,
                  std::string audience, absl::Duration life);

  AccessToken Issue(const User& user, absl::Time now) override;
  std::vector<PublicKey> keys() const override;

 private:
  const std::unique_ptr<crypto::TokenSigner> signer_;
  const std::string issuer_;
  const std::string audience_;
  const absl::Duration life_;
};

}  // namespace peerwatt::registry
