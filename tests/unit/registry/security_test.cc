#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "libs/base/error.h"
#include "libs/crypto/certificates.h"
#include "services/registry/clients/access_tokens.h"
#include "services/registry/clients/device_authority.h"
#include "services/registry/clients/password_hasher.h"
#include "services/registry/clients/system_secrets.h"

namespace peerwatt::registry {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

TEST(ArgonPasswordHasherTest, AnEmptyHashNeverMatches) {
  ArgonPasswordHasher hasher(2, 10);
  const std::string phc = hasher.Hash("0123456789").value();
  EXPECT_TRUE(hasher.Verify("0123456789", phc).value());
  EXPECT_FALSE(hasher.Verify("012345678x", phc).value());
  EXPECT_FALSE(hasher.Verify("0123456789", "").value());
}

TEST(ArgonPasswordHasherTest, RefusesWhenTooManyWait) {
  ArgonPasswordHasher hasher(1, 0);
  const std::string phc = hasher.Hash("0123456789").value();
  // Eight at once for one place and no queue: at least one gets the place, the others are told.
  std::atomic<int> answered{0};
  std::atomic<int> busy{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      const auto matches = hasher.Verify("0123456789", phc);
      if (matches.ok()) {
        answered += *matches ? 1 : 0;
      } else {
        busy += ReasonOf(matches.status()) == "SIGN_IN_BUSY" ? 1 : 0;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_GE(answered, 1);
  EXPECT_GE(busy, 1);
  EXPECT_EQ(answered + busy, 8);
  EXPECT_TRUE(hasher.Verify("0123456789", phc).value()) << "the place is free again";
}

TEST(JwtAccessTokensTest, SaysWhoTheUserIs) {
  auto signer = crypto::TokenSigner::FromPem(crypto::NewPrivateKey().value()).value();
  JwtAccessTokens tokens(std::move(signer), "https://issuer", "audience", absl::Minutes(15));
  const PublicKey key = tokens.keys().at(0);
  const auto verifier =
      crypto::TokenVerifier::FromKeys({{key.kid, key.x, key.y}}, "https://issuer", "audience")
          .value();
  User user;
  user.id = UserId("u1");
  user.roles = {Role::kConsumer, Role::kRegulator};
  const AccessToken token = tokens.Issue(user, kNow + absl::Milliseconds(300));
  EXPECT_EQ(token.expires_at, kNow + absl::Minutes(15));
  auto claims = verifier->Verify(token.token, kNow);
  ASSERT_TRUE(claims.ok()) << claims.status();
  EXPECT_EQ(claims->subject, "users/u1");
  EXPECT_EQ(claims->participant, "");
  EXPECT_EQ(claims->roles, (std::vector<std::string>{"CONSUMER", "REGULATOR"}));
  user.participant = ParticipantId("p1");
  claims = verifier->Verify(tokens.Issue(user, kNow).token, kNow);
  EXPECT_EQ(claims->participant, "participants/p1");
}

TEST(DeviceAuthorityTest, IssuesForTheKeyOfTheRequestOnly) {
  const std::string ca_key = crypto::NewPrivateKey().value();
  const auto ca = crypto::NewAuthority(ca_key, "Device CA", kNow, absl::Hours(24 * 365)).value();
  DeviceAuthority authority(ca.pem, ca_key, absl::Hours(720));
  EXPECT_TRUE(authority.Check(kNow).ok());
  EXPECT_EQ(authority.Check(kNow + absl::Hours(24 * 366)).code(),
            absl::StatusCode::kFailedPrecondition);
  const std::string csr =
      crypto::NewSigningRequest(crypto::NewPrivateKey().value(), "somebody").value();
  const auto issued = authority.Issue(DeviceId("d1"), csr, kNow);
  ASSERT_TRUE(issued.ok()) << issued.status();
  EXPECT_EQ(issued->expires_at, kNow + absl::Hours(720));
  EXPECT_EQ(crypto::ParseCertificate(issued->pem)->serial, issued->serial);
  EXPECT_EQ(ReasonOf(authority.Issue(DeviceId("d1"), "no request", kNow).status()),
            "CSR_INVALID");
  DeviceAuthority wrong_key(ca.pem, crypto::NewPrivateKey().value(), absl::Hours(1));
  EXPECT_EQ(wrong_key.Check(kNow).code(), absl::StatusCode::kFailedPrecondition);
}

TEST(SystemSecretsTest, MakesDifferentSecretsOf32Bytes) {
  SystemSecrets secrets;
  const std::string secret = secrets.NewSecret();
  EXPECT_EQ(secret.size(), 43U);
  EXPECT_NE(secret, secrets.NewSecret());
  EXPECT_EQ(secrets.Fingerprint(secret).size(), 64U);
  EXPECT_TRUE(secrets.Equal(secret, secret));
  EXPECT_FALSE(secrets.Equal(secret, secrets.NewSecret()));
}

}  // namespace
}  // namespace peerwatt::registry
