// A process that starts, or was away for long, learns what is not folded of a ledger: in parts, and
// without the ledger's lock.

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "services/settlement/storage/ledger_session.h"
#include "tests/postgres/settlement/transfer_fixture.h"

namespace peerwatt::settlement {
namespace {

class LedgerStartTest : public TransferTest {
 protected:
  /// Never writes accounts back.
  struct Keeping : Replica {
    Keeping(const std::string& dsn, const Clock& clock) : Replica(dsn, clock, 10'000'000) {}
  };
  /// Posts so many entries of 1 from a to b, and one to c.
  void PostMany(int64_t count) {
    std::vector<ledger::Transfer> transfers;
    for (int64_t i = 0; i < count; ++i) {
      transfers.push_back(Entry(absl::StrCat("m", ++posted_), "a", i == 0 ? "c" : "b", 1));
    }
    const Texts done = CreateAt(writer_, transfers);
    ASSERT_EQ(done, Texts(transfers.size(), "applied"));
  }

  Keeping writer_{database_->dsn(), clock_};
  int64_t posted_ = 0;
};

TEST_F(LedgerStartTest, WhatIsNotFoldedIsLearntInPartsAndIsExact) {
  PostMany(2 * kTailRowsMax + 700);
  Keeping started(database_->dsn(), clock_);
  EXPECT_EQ(started.reader.GetAccount(community_, General("b"))->counters.Balance().micros(),
            2 * kTailRowsMax + 699);
  EXPECT_EQ(*started.reader.EntryAt(community_, absl::InfiniteFuture()), 2 * kTailRowsMax + 700);
  EXPECT_EQ(started.reader.GetBalance(community_, General("b"), 1000)->Balance().micros(), 999);
  EXPECT_EQ(started.cache.Of(community_).entry_count(), 2 * kTailRowsMax);
  // Others go on; whoever writes next is the first to know all.
  PostMany(kTailRowsMax + 5);
  EXPECT_EQ(CreateAt(started, {Entry("k1", "b", "d", 3 * kTailRowsMax + 702),
                               Entry("k2", "b", "d", 1), Entry("k3", "b", "d", 1)}),
            (Texts{"applied", "applied", "DEBIT_LIMIT_EXCEEDED"}))
      << "not a micro-unit more than b has";
  EXPECT_EQ(CreateAt(writer_, {Entry("k4", "b", "d", 1)}), Texts{"DEBIT_LIMIT_EXCEEDED"});
  const ledger::AccountNumber c = started.reader.GetAccount(community_, General("c"))->number;
  EXPECT_EQ(started.cache.Of(community_).TailOf(c)->entry_numbers,
            (std::vector<int64_t>{1, 2 * kTailRowsMax + 701}))
      << "each entry once";
}

TEST_F(LedgerStartTest, LearningWaitsForNobody) {
  PostMany(kTailRowsMax + 100);
  Keeping started(database_->dsn(), clock_);
  pqxx::connection connection(database_->owner_dsn());
  pqxx::work tx(connection);
  tx.exec1("SELECT entry_count FROM ledgers WHERE community_id = 'hamlet' FOR UPDATE");
  EXPECT_EQ(started.reader.GetAccount(community_, General("c"))->counters.Balance().micros(), 1);
  Texts done;
  std::jthread late([&] { done = CreateAt(started, {Entry("k1", "c", "d", 1)}); });
  EXPECT_TRUE(AwaitLockWaiters(1));
  tx.commit();
  late.join();
  EXPECT_EQ(done, Texts{"applied"});
}

TEST_F(LedgerStartTest, AnOlderDatabaseIsNoticedWhileLearning) {
  PostMany(kTailRowsMax + 100);
  Keeping started(database_->dsn(), clock_);
  ASSERT_TRUE(LearnTail(started.pool, started.cache, community_).ok());
  ASSERT_EQ(started.cache.Of(community_).entry_count(), kTailRowsMax);
  {
    pqxx::connection connection(database_->owner_dsn());
    pqxx::work tx(connection);
    tx.exec("DELETE FROM journal_entries WHERE entry_no > 10");
    tx.exec("UPDATE ledgers SET entry_count = 10, version = 3 WHERE community_id = 'hamlet'");
    tx.commit();
  }
  EXPECT_EQ(CreateAt(started, {Entry("k1", "b", "d", 9), Entry("k2", "b", "d", 1)}),
            (Texts{"applied", "DEBIT_LIMIT_EXCEEDED"}));
}

TEST_F(LedgerStartTest, ALedgerThatDoesNotExistIsNothingToLearn) {
  EXPECT_TRUE(LearnTail(writer_.pool, writer_.cache, CommunityId("unknown")).ok());
}

}  // namespace
}  // namespace peerwatt::settlement
