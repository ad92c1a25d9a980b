#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>

#include "tests/postgres/registry/registry_fixture.h"

namespace peerwatt::registry {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class AccountsTest : public RegistryFixture {
 protected:
  absl::StatusOr<User> Create(const std::string& id, const std::string& email,
                              const std::string& password) {
    return accounts_.CreateUser(
        CheckNewUser({UserId(id), email, "Somebody", {}, password}).value(), kActor);
  }
};

TEST_F(AccountsTest, TheSameSignUpAgainGivesTheSameUser) {
  const auto first = Create("u1", "Ada@example.org", "0123456789");
  ASSERT_TRUE(first.ok()) << first.status();
  const auto again = Create("u1", "ada@EXAMPLE.org", "0123456789");
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->created_at, first->created_at);
  EXPECT_EQ(again->email, "ada@example.org");
}

TEST_F(AccountsTest, ATakenIdOrEmailIsRefused) {
  ASSERT_TRUE(Create("u1", "ada@example.org", "0123456789").ok());
  EXPECT_EQ(ReasonOf(Create("u1", "ada@example.org", "another password").status()), "USER_EXISTS");
  EXPECT_EQ(ReasonOf(Create("u1", "bob@example.org", "0123456789").status()), "USER_EXISTS");
  EXPECT_EQ(ReasonOf(Create("u2", "ADA@example.org", "0123456789").status()), "USER_EXISTS");
}

TEST_F(AccountsTest, OnlyGrantsBeyondTheDefaultAreAudited) {
  MustCreateUser("u1");
  MustCreateUser("op", {Role::kOperator});
  EXPECT_THAT(AuditOf("users/u1"), IsEmpty());
  EXPECT_THAT(AuditOf("users/op"), ElementsAre("ROLES_GRANTED users/admin"));
}

TEST_F(AccountsTest, TheAdministratorIsCreatedOnce) {
  ASSERT_TRUE(accounts_.EnsureAdministrator("root@example.org", "0123456789", kNow).ok());
  ASSERT_TRUE(accounts_.EnsureAdministrator("other@example.org", "another one", kNow).ok());
  const User admin = accounts_.GetUser(UserId("admin")).value();
  EXPECT_EQ(admin.email, "root@example.org");
  EXPECT_THAT(admin.roles, ElementsAre(Role::kOperator, Role::kRegulator, Role::kAdmin));
  EXPECT_THAT(AuditOf("users/admin"), ElementsAre("ROLES_GRANTED system"));
}

TEST_F(AccountsTest, SignsInWithoutCaseOfTheEmailAndNamesTheParticipant) {
  FillHamlet();
  const auto session = accounts_.SignIn("U1@Example.org", "0123456789", kNow);
  ASSERT_TRUE(session.ok()) << session.status();
  const PublicKey key = tokens_.keys().at(0);
  const auto claims = crypto::TokenVerifier::FromKeys({{key.kid, key.x, key.y}},
                                                      "https://peerwatt.local", "peerwatt")
                          .value()
                          ->Verify(session->access.token, kNow);
  ASSERT_TRUE(claims.ok()) << claims.status();
  EXPECT_EQ(claims->subject, "users/u1");
  EXPECT_EQ(claims->participant, "participants/p1");
}

TEST_F(AccountsTest, AnUnknownEmailIsVerifiedLikeAWrongPassword) {
  MustCreateUser("u1");
  const auto reason = [&](const char* email, const char* password) {
    return ReasonOf(accounts_.SignIn(email, password, kNow).status());
  };
  const int before = hasher_.verifications;
  EXPECT_EQ(reason("u1@example.org", "wrong password"), "CREDENTIALS_INVALID");
  EXPECT_EQ(reason("nobody@example.org", "0123456789"), "CREDENTIALS_INVALID");
  EXPECT_EQ(hasher_.verifications, before + 2) << "both cost one verification";
}

TEST_F(AccountsTest, ARefreshTokenWorksOnceAndReuseEndsTheFamily) {
  MustCreateUser("u1");
  const Session first = accounts_.SignIn("u1@example.org", "0123456789", kNow).value();
  const Session other = accounts_.SignIn("u1@example.org", "0123456789", kNow).value();
  const auto second = accounts_.Refresh(first.refresh_token, kNow);
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(second->user.value(), "u1");
  const auto refused = [&](const std::string& token, absl::Time now) {
    return ReasonOf(accounts_.Refresh(token, now).status()) == "REFRESH_TOKEN_INVALID";
  };
  EXPECT_TRUE(refused(first.refresh_token, kNow)) << "used twice";
  EXPECT_TRUE(refused(second->refresh_token, kNow)) << "its family has ended";
  EXPECT_TRUE(refused("never issued", kNow));
  EXPECT_FALSE(refused(other.refresh_token, kNow)) << "another session goes on";
}

TEST_F(AccountsTest, ARefreshTokenEndsAfterThirtyDays) {
  MustCreateUser("u1");
  const Session session = accounts_.SignIn("u1@example.org", "0123456789", kNow).value();
  const absl::Time end = kNow + kRefreshTokenLife;
  EXPECT_EQ(ReasonOf(accounts_.Refresh(session.refresh_token, end).status()),
            "REFRESH_TOKEN_INVALID");
  const auto in_time = accounts_.Refresh(session.refresh_token, end - absl::Seconds(1));
  ASSERT_TRUE(in_time.ok());
  EXPECT_TRUE(accounts_.Refresh(in_time->refresh_token, end + absl::Hours(1)).ok());
}

TEST_F(AccountsTest, OfConcurrentRefreshesAtMostOneWins) {
  MustCreateUser("u1");
  const Session session = accounts_.SignIn("u1@example.org", "0123456789", kNow).value();
  std::atomic<int> won{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] { won += accounts_.Refresh(session.refresh_token, kNow).ok(); });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(won, 1);
}

TEST_F(AccountsTest, SigningInForgetsExpiredSessions) {
  MustCreateUser("u1");
  ASSERT_TRUE(accounts_.SignIn("u1@example.org", "0123456789", kNow).ok());
  ASSERT_TRUE(accounts_.SignIn("u1@example.org", "0123456789", kNow + absl::Hours(24 * 31)).ok());
  pqxx::connection connection(database_->owner_dsn());
  pqxx::work tx(connection);
  EXPECT_EQ(tx.exec1("SELECT count(*) FROM refresh_tokens")[0].as<int>(), 1);
}

}  // namespace
}  // namespace peerwatt::registry
