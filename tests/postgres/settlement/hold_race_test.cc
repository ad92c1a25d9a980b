#include <atomic>
#include <barrier>
#include <thread>

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/postgres/settlement/hold_fixture.h"

namespace peerwatt::settlement {
namespace {

constexpr int kThreads = 8;
constexpr int64_t kBalance = 1000;

// A hold by the hand of another.
constexpr char kInsertHold[] =
    "INSERT INTO holds (community_id, order_name, period_start_at, debit_account_no, "
    "initial_micros, amount_micros, state) SELECT 'hamlet', ";
constexpr char kOfP1[] =
    "FROM accounts WHERE community_id = 'hamlet' AND account_id = 'participant-p1'";

class HoldRaceTest : public HoldTest {
 protected:
  void SetUp() override {
    HoldTest::SetUp();
    Fund("p1", kBalance);
  }

  /// A replica: what one process knows of the ledger another does not.
  struct Replica {
    explicit Replica(const std::string& dsn) : pool(dsn, AllQueries(), 1) {}
    postgres::Pool pool;
    LedgerCache cache{crypto::Sha256};
    PostgresHoldStore holds{pool, cache};
  };
  Reasons CreateAt(Replica& replica, const HoldRequest& hold) {
    const auto reasons = replica.holds.CreateHolds(community_, Quarter(0), {hold});
    EXPECT_TRUE(reasons.ok()) << reasons.status();
    return reasons.ok() ? *reasons : Reasons();
  }

  /// Runs `body` with the number of each thread and waits for all.
  template <typename Body>
  static void InThreads(Body body) {
    std::vector<std::jthread> threads;
    for (int i = 0; i < kThreads; ++i) threads.emplace_back([i, &body] { body(i); });
  }
};

TEST_F(HoldRaceTest, ManySmallHoldsAtOnceNeverOverdraw) {
  constexpr int kHoldsPerThread = 40;
  constexpr int64_t kAmount = 7;
  std::atomic<int64_t> stood = 0;
  InThreads([&](int thread) {
    Replica replica(database_->dsn());
    for (int i = 0; i < kHoldsPerThread; ++i) {
      const std::string order = absl::StrCat("o", thread, "-", i);
      if (CreateAt(replica, Hold(order, "p1", kAmount)) == Reasons{""}) ++stood;
    }
  });
  EXPECT_EQ(stood, kBalance / kAmount) << "as many as the balance covers, no more and no fewer";
  EXPECT_FALSE(IsOverdrawn("p1"));
  EXPECT_EQ(HeldOf("p1"), stood * kAmount);
  EXPECT_EQ(NumberFrom("SELECT sum(amount_micros) FROM holds WHERE state = 'OPEN'"),
            HeldOf("p1"));
}

TEST_F(HoldRaceTest, OfHoldsThatMeetOnOneAccountOneStands) {
  std::atomic<int> stood = 0;
  std::jthread creators;
  {
    // All come to the locked ledger before any can go on.
    pqxx::connection connection(database_->owner_dsn());
    pqxx::work tx(connection);
    tx.exec1("SELECT entry_count FROM ledgers WHERE community_id = 'hamlet' FOR UPDATE");
    creators = std::jthread([&] {
      InThreads([&](int thread) {
        Replica replica(database_->dsn());
        if (CreateAt(replica, Hold(absl::StrCat("o", thread), "p1", 600)) == Reasons{""}) ++stood;
      });
    });
    EXPECT_TRUE(AwaitLockWaiters(kThreads));
  }
  creators.join();
  EXPECT_EQ(stood, 1);
  EXPECT_FALSE(IsOverdrawn("p1"));
  EXPECT_EQ(HeldOf("p1"), 600);
}

/// What goes wrong without the lock: all look before any takes. The same look at the account that
/// the tests above take sees it.
TEST_F(HoldRaceTest, CheckingWithoutTheLockIsSeenToOverdraw) {
  std::barrier<> everybody_has_looked(kThreads);
  InThreads([&](int thread) {
    pqxx::connection connection(database_->dsn());
    pqxx::work tx(connection);
    const auto available = tx.exec1("SELECT balance_micros - held_micros FROM account_states "
                                    "WHERE account_id = 'participant-p1'")[0]
                               .as<int64_t>();
    everybody_has_looked.arrive_and_wait();
    EXPECT_GE(available, 600);
    tx.exec_params(absl::StrCat(kInsertHold, "$1, now(), account_no, 600, 600, 'OPEN' ",
                                kOfP1),
                   absl::StrCat("o", thread));
    tx.exec("UPDATE accounts SET debits_pending_micros = debits_pending_micros + 600 "
            "WHERE account_id = 'participant-p1'");
    tx.commit();
  });
  EXPECT_TRUE(IsOverdrawn("p1"));
  EXPECT_EQ(HeldOf("p1"), kThreads * 600);
}

TEST_F(HoldRaceTest, TheSameHoldAtOnceIsHeldOnce) {
  InThreads([&](int) { EXPECT_EQ(Create({Hold("o1", "p1", 600)}), Reasons{""}); });
  EXPECT_EQ(HeldOf("p1"), 600);
}

TEST_F(HoldRaceTest, AnOrderThatAnotherParticipantNamesAtOnceIsRefused) {
  Fund("p2", kBalance);
  Reasons reasons;
  std::jthread creator;
  pqxx::connection connection(database_->owner_dsn());
  pqxx::work tx(connection);
  tx.exec("UPDATE ledgers SET version = version + 1 WHERE community_id = 'hamlet'");
  tx.exec(absl::StrCat(kInsertHold, "'o1', now(), account_no, 600, 600, 'OPEN' ", kOfP1));
  tx.exec("UPDATE accounts SET debits_pending_micros = 600 "
          "WHERE account_id = 'participant-p1'");
  creator = std::jthread([&] { reasons = Create({Hold("o1", "p2", 600)}); });
  EXPECT_TRUE(AwaitLockWaiters(1));
  tx.commit();
  creator.join();
  EXPECT_EQ(reasons, Reasons{"CONTENT_DIFFERS"});
  EXPECT_EQ(HeldOf("p2"), 0);
}

TEST_F(HoldRaceTest, AHoldWaitsForARunThatIsUnderWay) {
  Reasons reasons;
  std::jthread creator;
  pqxx::connection connection(database_->owner_dsn());
  pqxx::work tx(connection);
  tx.exec("UPDATE ledgers SET entry_count = entry_count WHERE community_id = 'hamlet'");
  tx.exec_params("INSERT INTO settlement_periods VALUES "
                 "('hamlet', $1, $2, 1, 0, 0, 0, 0, 0, 0, 0, 0)",
                 absl::FormatTime(absl::RFC3339_full, Quarter(0), absl::UTCTimeZone()),
                 absl::FormatTime(absl::RFC3339_full, Quarter(1), absl::UTCTimeZone()));
  creator = std::jthread([&] { reasons = Create({Hold("o1", "p1", 600)}); });
  EXPECT_TRUE(AwaitLockWaiters(1));
  tx.commit();
  creator.join();
  EXPECT_EQ(reasons, Reasons{"PERIOD_SETTLED"});
  EXPECT_EQ(HeldOf("p1"), 0);
}

// One statement decides by what the process knows: a run that it had to wait for is not in it.
TEST_F(HoldRaceTest, AHoldThatNeedsNoLookWaitsForARunThatIsUnderWay) {
  Replica replica(database_->dsn());
  ASSERT_EQ(CreateAt(replica, Hold("o1", "p1", 100)), Reasons{""});
  Reasons reasons;
  std::jthread creator;
  pqxx::connection connection(database_->owner_dsn());
  pqxx::work tx(connection);
  // As if the run had posted nothing: the version of the ledger stays.
  tx.exec("UPDATE ledgers SET entry_count = entry_count WHERE community_id = 'hamlet'");
  tx.exec_params("INSERT INTO settlement_periods VALUES "
                 "('hamlet', $1, $2, 1, 0, 0, 0, 0, 0, 0, 0, 0)",
                 absl::FormatTime(absl::RFC3339_full, Quarter(0), absl::UTCTimeZone()),
                 absl::FormatTime(absl::RFC3339_full, Quarter(1), absl::UTCTimeZone()));
  creator = std::jthread([&] { reasons = CreateAt(replica, Hold("o2", "p1", 600)); });
  EXPECT_TRUE(AwaitLockWaiters(1));
  tx.commit();
  creator.join();
  EXPECT_EQ(reasons, Reasons{"PERIOD_SETTLED"});
  EXPECT_EQ(CreateAt(replica, Hold("o1", "p1", 100)), Reasons{""}) << "it is there already";
  EXPECT_EQ(HeldOf("p1"), 100);
}

TEST_F(HoldRaceTest, AHoldThatNeedsNoLookSeesWhatAnotherReplicaHeld) {
  Replica one(database_->dsn());
  Replica other(database_->dsn());
  for (int i = 0; i < 4; ++i) {
    ASSERT_EQ(CreateAt(one, Hold(absl::StrCat("a", i), "p1", 100)), Reasons{""});
    ASSERT_EQ(CreateAt(other, Hold(absl::StrCat("b", i), "p1", 100)), Reasons{""});
  }
  EXPECT_EQ(CreateAt(one, Hold("a5", "p1", 201)), Reasons{"FUNDS_INSUFFICIENT"});
  EXPECT_EQ(CreateAt(other, Hold("b5", "p1", 200)), Reasons{""});
  EXPECT_EQ(HeldOf("p1"), kBalance);
}

}  // namespace
}  // namespace peerwatt::settlement
