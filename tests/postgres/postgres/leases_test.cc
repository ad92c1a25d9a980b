#include "libs/postgres/leases.h"

#include <future>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "tests/support/postgres_fixture.h"

namespace peerwatt::postgres {
namespace {

constexpr char kSchema[] = R"sql(
  CREATE TABLE leases (
    community_id text PRIMARY KEY, holder text NOT NULL, token bigint NOT NULL,
    expires_at timestamptz NOT NULL);
  GRANT SELECT, INSERT, UPDATE ON leases TO peerwatt_market)sql";

class LeasesTest : public ::testing::Test {
 protected:
  LeasesTest()
      : database_(testing::TestDatabase::Create("market", {{"0001_leases", kSchema}})),
        pool_(database_->dsn(), Leases::Queries(), 4) {}

  // Lets the term of all leases end.
  void EndTerms() {
    ASSERT_TRUE(pool_.Run([](pqxx::work& tx) {
                       tx.exec("UPDATE leases SET expires_at = '-infinity'");
                       return absl::OkStatus();
                     }).ok());
  }
  absl::Status Write(const Leases& leases, int64_t token) {
    return pool_.Run([&](pqxx::work& tx) { return leases.Require(tx, "c1", token); });
  }

  std::unique_ptr<testing::TestDatabase> database_;
  Pool pool_;
  Leases a_{pool_, "a", absl::Minutes(5)};
  Leases b_{pool_, "b", absl::Minutes(5)};
};

TEST_F(LeasesTest, OneHolderAtATime) {
  ASSERT_TRUE(a_.Keep({"c1", "c2"}).ok());
  EXPECT_EQ(a_.TokenOf("c1"), 1);
  ASSERT_TRUE(b_.Keep({"c1", "c2", "c3"}).ok());
  EXPECT_EQ(b_.TokenOf("c1"), std::nullopt);
  EXPECT_EQ(b_.TokenOf("c3"), 1);
  ASSERT_TRUE(a_.Keep({"c1", "c2"}).ok());
  EXPECT_EQ(a_.TokenOf("c1"), 1) << "renewing keeps the token";
  EXPECT_EQ(a_.counts().held, 2);
  EXPECT_EQ(a_.counts().taken, 2);
  EXPECT_TRUE(Write(a_, 1).ok());
}

TEST_F(LeasesTest, AStolenLeaseRefusesItsOldHolder) {
  ASSERT_TRUE(a_.Keep({"c1"}).ok());
  EndTerms();
  ASSERT_TRUE(b_.Keep({"c1"}).ok());
  EXPECT_EQ(b_.TokenOf("c1"), 2);
  EXPECT_EQ(a_.TokenOf("c1"), 1) << "it does not know yet";
  EXPECT_EQ(ReasonOf(Write(a_, 1)), "LEASE_LOST");
  EXPECT_TRUE(Write(b_, 2).ok());
  ASSERT_TRUE(a_.Keep({"c1"}).ok());
  EXPECT_EQ(a_.TokenOf("c1"), std::nullopt);
  EXPECT_EQ(a_.counts().lost, 1);
  EndTerms();
  ASSERT_TRUE(a_.Keep({"c1"}).ok());
  EXPECT_EQ(a_.TokenOf("c1"), 3);
  EXPECT_EQ(ReasonOf(Write(a_, 1)), "LEASE_LOST") << "what began under the old token stays refused";
}

TEST_F(LeasesTest, AHolderThatWasOnlyLateGoesOn) {
  ASSERT_TRUE(a_.Keep({"c1"}).ok());
  EndTerms();
  EXPECT_TRUE(Write(a_, 1).ok()) << "nobody else has it";
  ASSERT_TRUE(a_.Keep({"c1"}).ok());
  EXPECT_EQ(a_.TokenOf("c1"), 1);
  ASSERT_TRUE(b_.Keep({"c1"}).ok());
  EXPECT_EQ(b_.TokenOf("c1"), std::nullopt);
}

TEST_F(LeasesTest, ARestartedProcessTakesItsLeasesBackAtOnce) {
  ASSERT_TRUE(a_.Keep({"c1"}).ok());
  Leases restarted(pool_, "a", absl::Minutes(5));
  ASSERT_TRUE(restarted.Keep({"c1"}).ok());
  EXPECT_EQ(restarted.TokenOf("c1"), 2);
  EXPECT_EQ(ReasonOf(Write(a_, 1)), "LEASE_LOST");
}

TEST_F(LeasesTest, ReleaseLetsOthersIn) {
  ASSERT_TRUE(a_.Keep({"c1"}).ok());
  ASSERT_TRUE(a_.Release().ok());
  EXPECT_EQ(a_.TokenOf("c1"), std::nullopt);
  ASSERT_TRUE(b_.Keep({"c1"}).ok());
  EXPECT_EQ(b_.TokenOf("c1"), 2);
}

TEST_F(LeasesTest, NobodyTakesALeaseInTheMiddleOfAWriteAndTheHolderRenewsIt) {
  ASSERT_TRUE(a_.Keep({"c1"}).ok());
  EndTerms();
  ASSERT_TRUE(pool_.Run([&](pqxx::work& tx) -> absl::Status {
                     const absl::Status held = a_.Require(tx, "c1", 1);
                     EXPECT_TRUE(b_.Keep({"c1", "c2"}).ok());
                     EXPECT_EQ(b_.TokenOf("c1"), std::nullopt);
                     EXPECT_EQ(b_.TokenOf("c2"), 1) << "it does not wait";
                     EXPECT_TRUE(a_.Keep({"c1"}).ok());
                     EXPECT_EQ(a_.TokenOf("c1"), 1);
                     return held;
                   }).ok());
}

TEST_F(LeasesTest, TheDatabaseEndsAWriteThatStandsStill) {
  Leases brief(pool_, "a", absl::Milliseconds(50));
  ASSERT_TRUE(brief.Keep({"c1"}).ok());
  pqxx::connection stopped(database_->dsn());
  for (const Query& query : Leases::Queries()) stopped.prepare(query.name, query.sql);
  pqxx::work tx(stopped);
  ASSERT_TRUE(brief.Require(tx, "c1", 1).ok());
  // This transaction goes no further; the other process takes the lease nevertheless.
  while (!b_.TokenOf("c1").has_value()) ASSERT_TRUE(b_.Keep({"c1"}).ok());
  EXPECT_EQ(b_.TokenOf("c1"), 2);
  EXPECT_ANY_THROW(tx.exec("SELECT 1"));
}

TEST_F(LeasesTest, ManyTakeOneLeaseAndOneGetsIt) {
  std::vector<std::future<int>> takers;
  for (int i = 0; i < 8; ++i) {
    takers.push_back(std::async(std::launch::async, [this, i] {
      Pool pool(database_->dsn(), Leases::Queries(), 1);
      Leases leases(pool, "taker " + std::to_string(i), absl::Minutes(5));
      EXPECT_TRUE(leases.Keep({"c1"}).ok());
      return leases.TokenOf("c1").has_value() ? 1 : 0;
    }));
  }
  int holders = 0;
  for (std::future<int>& taker : takers) holders += taker.get();
  EXPECT_EQ(holders, 1);
}

}  // namespace
}  // namespace peerwatt::postgres
