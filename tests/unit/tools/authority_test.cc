#include "tools/peerwatt/authority.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "absl/time/clock.h"
#include "libs/crypto/certificates.h"
#include "tests/unit/tools/temporary_folder.h"
#include "tools/peerwatt/files.h"

namespace peerwatt::tool {
namespace {

class AuthorityTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(MakeDirectory(paths_.secrets(), 0700).ok()); }
  std::string Secret(const char* name) const { return ReadFile(paths_.secret(name)).value(); }

  TemporaryFolder folder_;
  StatePaths paths_{folder_.path()};
};

TEST_F(AuthorityTest, MakesEveryFileForItsOwnerOnly) {
  ASSERT_TRUE(PrepareAuthorities(paths_, {"market"}).ok());
  for (const char* name :
       {"ca_cert.pem", "ca_key.pem", "service_ca_cert.pem", "service_ca_key.pem", "market_cert.pem",
        "market_key.pem", "public_cert.pem", "public_key.pem", "token_key.pem"}) {
    struct stat info {};
    ASSERT_EQ(stat(paths_.secret(name).c_str(), &info), 0) << name;
    EXPECT_EQ(info.st_mode & 0777, 0600u) << name;
  }
}

TEST_F(AuthorityTest, KeepsWhatIsValid) {
  ASSERT_TRUE(PrepareAuthorities(paths_, {"market"}).ok());
  const std::string certificate = Secret("market_cert.pem");
  const std::string token_key = Secret("token_key.pem");
  ASSERT_TRUE(PrepareAuthorities(paths_, {"market", "metering"}).ok());
  EXPECT_EQ(Secret("market_cert.pem"), certificate);
  EXPECT_EQ(Secret("token_key.pem"), token_key);
  EXPECT_FALSE(Secret("metering_cert.pem").empty());
}

TEST_F(AuthorityTest, RenewsAllThatALostAuthoritySigned) {
  ASSERT_TRUE(PrepareAuthorities(paths_, {"market"}).ok());
  const std::string service = Secret("market_cert.pem");
  const std::string front = Secret("public_cert.pem");
  std::filesystem::remove(paths_.secret("service_ca_key.pem"));
  ASSERT_TRUE(PrepareAuthorities(paths_, {"market"}).ok());
  EXPECT_NE(Secret("market_cert.pem"), service);
  EXPECT_EQ(Secret("public_cert.pem"), front);
}

TEST_F(AuthorityTest, RenewsACertificateThatIsNearItsEnd) {
  ASSERT_TRUE(PrepareAuthorities(paths_, {"market"}).ok());
  const std::string key = Secret("market_key.pem");
  crypto::LeafSpec spec;
  spec.common_name = "market";
  spec.uri_san = "spiffe://peerwatt/service/market";
  spec.dns_sans = {"localhost"};
  spec.server = true;
  const auto old = crypto::IssueLeaf(Secret("service_ca_cert.pem"), Secret("service_ca_key.pem"),
                                     key, spec, absl::Now() - absl::Hours(1), absl::Hours(24 * 29));
  ASSERT_TRUE(old.ok());
  ASSERT_TRUE(WriteFile(paths_.secret("market_cert.pem"), old->pem, 0600).ok());
  ASSERT_TRUE(PrepareAuthorities(paths_, {"market"}).ok());
  const auto renewed = crypto::ParseCertificate(Secret("market_cert.pem"));
  EXPECT_GT(renewed.value().not_after, absl::Now() + absl::Hours(24 * 300));
}

}  // namespace
}  // namespace peerwatt::tool
