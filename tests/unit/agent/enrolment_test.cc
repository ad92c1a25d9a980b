#include "agent/enrolment.h"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <thread>

#include "absl/strings/match.h"
#include "absl/time/clock.h"
#include "agent/identity_keeper.h"
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

TEST(RenewalTest, IsDueByEitherClock) {
  const absl::Time from = absl::FromUnixSeconds(1767225600);
  const absl::Time renew = from + absl::Hours(2);
  const auto due = [&](absl::Duration clock, absl::Duration held, bool renewed = false) {
    return RenewalIsDue(from, renew, from + clock, held, renewed);
  };
  EXPECT_FALSE(due(absl::Hours(1), absl::Hours(1)));
  EXPECT_TRUE(due(absl::Hours(2), absl::ZeroDuration()));
  EXPECT_TRUE(due(absl::Hours(1), absl::Hours(2))) << "the clock was set back";
  EXPECT_TRUE(due(-absl::Hours(900), absl::ZeroDuration())) << "the box does not know the time";
  EXPECT_FALSE(due(-absl::Hours(900), absl::Hours(1), true)) << "once is enough";
  EXPECT_TRUE(due(-absl::Hours(900), absl::Hours(2), true));
}

// Counts the channels and keys that a keeper hands out.
class Connections {
 public:
  ConnectIdentity Take() {
    return [this](std::shared_ptr<grpc::Channel>, const Identity& identity) {
      absl::MutexLock lock(&mutex_);
      keys_.insert(identity.key_pem);
      ++count_;
      return absl::OkStatus();
    };
  }
  /// Whether so many came, and each with a key of its own.
  bool WaitFor(int count) {
    absl::MutexLock lock(&mutex_);
    const auto enough = [&] {
      return count_ >= count && keys_.size() == static_cast<size_t>(count_);
    };
    return mutex_.AwaitWithTimeout(absl::Condition(&enough), absl::Seconds(20));
  }

 private:
  absl::Mutex mutex_;
  int count_ ABSL_GUARDED_BY(mutex_) = 0;
  std::set<std::string> keys_ ABSL_GUARDED_BY(mutex_);
};

TEST(IdentityKeeperTest, EnrolsAndRenewsAgainAndAgain) {
  const Scratch scratch;
  FakeGateway gateway({}, absl::ZeroDuration());
  Connections connections;
  std::string last;
  {
    IdentityKeeper keeper(OptionsFor(gateway, scratch / "d"), absl::Milliseconds(1),
                          connections.Take());
    ASSERT_TRUE(connections.WaitFor(4));
    EXPECT_TRUE(keeper.state().enrolled);
    EXPECT_GE(keeper.state().renewals, 2);
    EXPECT_EQ(keeper.state().failures, 0);
    EXPECT_GT(keeper.state().expires, absl::Now());
  }
  EXPECT_EQ(gateway.enrolments(), 1);
  EXPECT_GE(gateway.renewals(), 3);
  // Key and certificate on disk belong together whenever it was stopped.
  const auto identity = Enrolment(OptionsFor(gateway, scratch / "d")).LoadOrEnrol();
  ASSERT_TRUE(identity.ok()) << identity.status();
  EXPECT_TRUE(Enrolment(OptionsFor(gateway, scratch / "d")).Renew(*identity).ok());
  EXPECT_EQ(gateway.enrolments(), 1);
}

TEST(IdentityKeeperTest, TriesEnrolmentAgainAndStopsWhenItIsRefused) {
  const Scratch scratch;
  FakeGateway gateway;
  gateway.LoseAnswers(1);
  Connections connections;
  IdentityKeeper keeper(OptionsFor(gateway, scratch / "d"), absl::Hours(1), connections.Take());
  EXPECT_TRUE(connections.WaitFor(1));
  EXPECT_EQ(gateway.enrolments(), 2);
  EXPECT_EQ(keeper.state().failures, 1);
  EnrolmentOptions wrong = OptionsFor(gateway, scratch / "e");
  wrong.enrolment_token = "guess";
  IdentityKeeper refused(wrong, absl::Hours(1), connections.Take());
  const absl::Time end = absl::Now() + absl::Seconds(20);
  while (refused.state().refusal.empty() && absl::Now() < end) std::this_thread::yield();
  EXPECT_TRUE(absl::StartsWith(refused.state().refusal, "ENROLMENT_TOKEN_INVALID"));
  EXPECT_FALSE(refused.state().enrolled);
}

// A device that dies at any moment of a renewal goes on with an identity that works.
TEST(EnrolmentTest, ARenewalThatWasCutOffIsDoneAgain) {
  const Scratch scratch;
  FakeGateway gateway;
  const Enrolment enrolment(OptionsFor(gateway, scratch / "d"));
  const auto first = enrolment.LoadOrEnrol();
  ASSERT_TRUE(first.ok()) << first.status();
  const auto copy = [&](const char* from, const char* to) {
    std::filesystem::remove_all(scratch / to);
    std::filesystem::copy(scratch / from, scratch / to, std::filesystem::copy_options::recursive);
  };
  copy("d", "before");
  const auto renewed = enrolment.Renew(*first);
  ASSERT_TRUE(renewed.ok()) << renewed.status();
  // The answer never came: the old identity is there and works.
  const Enrolment before(OptionsFor(gateway, scratch / "before"));
  EXPECT_EQ(before.LoadOrEnrol()->certificate_pem, first->certificate_pem);
  EXPECT_TRUE(before.Renew(*before.LoadOrEnrol()).ok());
  // The identity was stored, the request not yet removed.
  std::ofstream(scratch / "d/request.pem") << "left over";
  EXPECT_EQ(enrolment.LoadOrEnrol()->certificate_pem, renewed->certificate_pem);
}

}  // namespace
}  // namespace peerwatt::agent
