#include "agent/enrolment.h"

#include <sys/stat.h>

#include <filesystem>
#include <string>

#include "gtest/gtest.h"
#include "libs/base/error.h"
#include "libs/crypto/certificates.h"
#include "tests/unit/agent/fake_gateway.h"
#include "tests/unit/agent/scratch.h"

namespace peerwatt::agent {
namespace {

using ::peerwatt::testing::FakeGateway;
using ::peerwatt::testing::Scratch;

EnrolmentOptions OptionsFor(const FakeGateway& gateway, const std::string& folder) {
  return {.device = "devices/d-h01",
          .folder = folder,
          .enrolment_token = "secret",
          .gateway_grpc_address = gateway.public_address(),
          .gateway_device_address = gateway.device_address(),
          .ca_pem = gateway.ca_pem()};
}

int ModeOf(const std::string& path) {
  struct stat info {};
  return stat(path.c_str(), &info) == 0 ? static_cast<int>(info.st_mode & 0777) : -1;
}

TEST(EnrolmentTest, EnrolsOnceAndKeepsTheIdentity) {
  const Scratch scratch;
  FakeGateway gateway;
  const Enrolment enrolment(OptionsFor(gateway, scratch / "d"));
  const auto identity = enrolment.LoadOrEnrol();
  ASSERT_TRUE(identity.ok()) << identity.status();
  EXPECT_TRUE(crypto::ParseCertificate(identity->certificate_pem).ok());
  EXPECT_EQ(ModeOf(scratch / "d/identity.pem"), 0600);
  EXPECT_EQ(ModeOf(scratch / "d"), 0700);
  EXPECT_FALSE(std::filesystem::exists(scratch / "d/request.pem"));

  const auto again = Enrolment(OptionsFor(gateway, scratch / "d")).LoadOrEnrol();
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(gateway.enrolments(), 1);
  EXPECT_EQ(again->key_pem, identity->key_pem);
  EXPECT_EQ(again->certificate_pem, identity->certificate_pem);
  EXPECT_EQ(again->ca_pem, identity->ca_pem);
  EXPECT_EQ(again->renew_time, identity->renew_time);
}

TEST(EnrolmentTest, AsksAgainWithTheSameRequestWhenTheAnswerIsLost) {
  const Scratch scratch;
  FakeGateway gateway;
  gateway.LoseAnswers(1);
  const Enrolment enrolment(OptionsFor(gateway, scratch / "d"));
  EXPECT_TRUE(absl::IsUnavailable(enrolment.LoadOrEnrol().status()));
  EXPECT_EQ(ModeOf(scratch / "d/request.pem"), 0600);
  EXPECT_TRUE(Enrolment(OptionsFor(gateway, scratch / "d")).LoadOrEnrol().ok());
  EXPECT_EQ(gateway.enrolments(), 2);
  EXPECT_EQ(gateway.requests(), 1u);
}

TEST(EnrolmentTest, SaysWhyTheTokenWasRefused) {
  const Scratch scratch;
  FakeGateway gateway;
  EnrolmentOptions options = OptionsFor(gateway, scratch / "d");
  options.enrolment_token = "guess";
  EXPECT_EQ(ReasonOf(Enrolment(options).LoadOrEnrol().status()), "ENROLMENT_TOKEN_INVALID");
}

TEST(EnrolmentTest, TrustsOnlyAGatewayOfItsAuthority) {
  const Scratch scratch;
  FakeGateway gateway;
  FakeGateway other;
  EnrolmentOptions options = OptionsFor(gateway, scratch / "d");
  options.ca_pem = other.ca_pem();
  EXPECT_FALSE(Enrolment(options).LoadOrEnrol().ok());
  EXPECT_EQ(gateway.enrolments(), 0);
}

TEST(EnrolmentTest, RenewsWithItsPresentCertificate) {
  const Scratch scratch;
  FakeGateway gateway;
  const Enrolment enrolment(OptionsFor(gateway, scratch / "d"));
  const auto identity = enrolment.LoadOrEnrol();
  ASSERT_TRUE(identity.ok()) << identity.status();
  const auto renewed = enrolment.Renew(*identity);
  ASSERT_TRUE(renewed.ok()) << renewed.status();
  EXPECT_EQ(gateway.renewals(), 1);
  EXPECT_NE(renewed->key_pem, identity->key_pem);
  EXPECT_NE(renewed->certificate_pem, identity->certificate_pem);
  EXPECT_EQ(enrolment.LoadOrEnrol()->key_pem, renewed->key_pem);
}

}  // namespace
}  // namespace peerwatt::agent
