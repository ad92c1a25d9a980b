#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "libs/base/error.h"
#include "libs/crypto/certificates.h"
#include "services/gateway/auth/authenticator.h"

namespace peerwatt::gateway {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

// Answers at once with what it holds.
class FakeKeySource final : public KeySource {
 public:
  void Fetch(Done done) override {
    ++fetches;
    done(keys);
  }
  int fetches = 0;
  absl::StatusOr<std::vector<crypto::PublicJwk>> keys = absl::UnavailableError("away");
};

class AuthTest : public ::testing::Test {
 protected:
  static std::unique_ptr<crypto::TokenSigner> NewSigner() {
    return crypto::TokenSigner::FromPem(crypto::NewPrivateKey().value()).value();
  }
  std::string Token(const crypto::TokenSigner& signer, const std::string& role,
                    absl::Time expires_at) const {
    crypto::TokenClaims claims;
    claims.issuer = "i";
    claims.audience = "a";
    claims.subject = "users/u1";
    claims.roles = {role};
    claims.token_id = "t";
    claims.issued_at = kNow - absl::Hours(1);
    claims.expires_at = expires_at;
    return absl::StrCat("Bearer ", signer.Sign(claims));
  }
  // The subject, `anonymous`, or the reason of the refusal.
  std::string Authorize(const std::string& path, const std::string& authorization) {
    std::string out = "never answered";
    authenticator_.Authorize(*methods_.Find(path), authorization,
                             [&](absl::StatusOr<Authenticator::Caller> caller) {
                               if (!caller.ok()) {
                                 out = ReasonOf(caller.status());
                               } else {
                                 out = caller->has_value() ? (*caller)->subject() : "anonymous";
                               }
                             });
    return out;
  }

  const std::string get_ = "/peerwatt.registry.v1.Registry/GetCommunity";
  const std::string create_ = "/peerwatt.registry.v1.Registry/CreateCommunity";
  const std::string sign_in_ = "/peerwatt.registry.v1.Registry/SignIn";
  const MethodTable methods_ = MethodTable::Build().value();
  const std::unique_ptr<crypto::TokenSigner> signer_ = NewSigner();
  ManualClock clock_{kNow};
  telemetry::Metrics metrics_;
  FakeKeySource source_;
  TokenKeys keys_{TokenPolicy{.issuer = "i", .audience = "a"}, source_, clock_};
  Authenticator authenticator_{keys_, clock_, metrics_};
};

TEST_F(AuthTest, KeepsOldKeysWhileTheIssuerIsAway) {
  source_.keys = std::vector<crypto::PublicJwk>{signer_->jwk()};
  EXPECT_EQ(Authorize(get_, Token(*signer_, "CONSUMER", kNow + absl::Hours(9))), "users/u1");
  source_.keys = absl::UnavailableError("away");
  clock_.Advance(absl::Hours(1));
  EXPECT_EQ(Authorize(get_, Token(*signer_, "PROSUMER", kNow + absl::Hours(9))), "users/u1");
  EXPECT_EQ(source_.fetches, 2);
}

TEST_F(AuthTest, FetchesOnceForUnknownKeysWithinThePause) {
  source_.keys = std::vector<crypto::PublicJwk>{signer_->jwk()};
  EXPECT_EQ(Authorize(get_, Token(*signer_, "CONSUMER", kNow + absl::Hours(1))), "users/u1");
  const auto stranger = NewSigner();
  const std::string token = Token(*stranger, "ADMIN", kNow + absl::Hours(1));
  EXPECT_EQ(Authorize(get_, token), "TOKEN_KEY_UNKNOWN");
  EXPECT_EQ(source_.fetches, 1);
  clock_.Advance(absl::Seconds(11));
  EXPECT_EQ(Authorize(get_, token), "TOKEN_KEY_UNKNOWN");
  EXPECT_EQ(Authorize(get_, token), "TOKEN_KEY_UNKNOWN");
  EXPECT_EQ(source_.fetches, 2);
}

TEST_F(AuthTest, LearnsARotatedKeyAndForgetsTheOldOne) {
  source_.keys = std::vector<crypto::PublicJwk>{signer_->jwk()};
  const std::string old_token = Token(*signer_, "CONSUMER", kNow + absl::Hours(1));
  EXPECT_EQ(Authorize(get_, old_token), "users/u1");
  const auto next = NewSigner();
  source_.keys = std::vector<crypto::PublicJwk>{next->jwk()};
  clock_.Advance(absl::Seconds(11));
  EXPECT_EQ(Authorize(get_, Token(*next, "CONSUMER", kNow + absl::Hours(1))), "users/u1");
  EXPECT_EQ(Authorize(get_, old_token), "TOKEN_KEY_UNKNOWN");
}

TEST_F(AuthTest, TriesAgainSoonAfterAFailedFetch) {
  const std::string token = Token(*signer_, "CONSUMER", kNow + absl::Hours(1));
  EXPECT_EQ(Authorize(get_, token), "TOKEN_KEYS_UNAVAILABLE");
  source_.keys = std::vector<crypto::PublicJwk>{signer_->jwk()};
  EXPECT_EQ(Authorize(get_, token), "TOKEN_KEYS_UNAVAILABLE");
  clock_.Advance(absl::Milliseconds(500));
  EXPECT_EQ(Authorize(get_, token), "users/u1");
}

TEST_F(AuthTest, ForgetsAVerifiedTokenWhenItEnds) {
  source_.keys = std::vector<crypto::PublicJwk>{signer_->jwk()};
  const std::string token = Token(*signer_, "CONSUMER", kNow + absl::Minutes(1));
  EXPECT_EQ(Authorize(get_, token), "users/u1");
  clock_.Advance(absl::Minutes(3));
  EXPECT_EQ(Authorize(get_, token), "TOKEN_EXPIRED");
}

TEST_F(AuthTest, ComparesRolesWithTheMethods) {
  source_.keys = std::vector<crypto::PublicJwk>{signer_->jwk()};
  const auto token = [this](const std::string& role) {
    return Token(*signer_, role, kNow + absl::Hours(1));
  };
  EXPECT_EQ(Authorize(create_, token("OPERATOR")), "users/u1");
  EXPECT_EQ(Authorize(create_, token("CONSUMER")), "ROLE_FORBIDS");
  EXPECT_EQ(Authorize(create_, token("NO_SUCH_ROLE")), "ROLE_FORBIDS");
  EXPECT_EQ(Authorize("/peerwatt.metering.v1.Metering/BatchCreateReadings", token("DEVICE")),
            "ROLE_FORBIDS");
  EXPECT_EQ(Authorize(create_, ""), "TOKEN_MISSING");
  EXPECT_EQ(Authorize(sign_in_, ""), "anonymous");
  EXPECT_EQ(Authorize(sign_in_, "Bearer x"), "anonymous");
  EXPECT_EQ(Authorize(sign_in_, token("CONSUMER")), "users/u1");
}

TEST_F(AuthTest, RefusesAMethodWithoutARule) {
  ApiMethod method = *methods_.Find(get_);
  method.has_access = false;
  std::string reason;
  authenticator_.Authorize(method, "", [&](const absl::StatusOr<Authenticator::Caller>& caller) {
    reason = ReasonOf(caller.status());
  });
  EXPECT_EQ(reason, "ACCESS_RULE_MISSING");
}

}  // namespace
}  // namespace peerwatt::gateway
