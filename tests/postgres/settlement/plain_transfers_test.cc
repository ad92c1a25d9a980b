// Entries that are posted by one statement, because the process knows the ledger: what happens when
// the ledger is not so any more.

#include "services/settlement/storage/plain_transfers.h"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/postgres/settlement/transfer_fixture.h"

namespace peerwatt::settlement {
namespace {

class PlainTransfersTest : public TransferTest {
 protected:
  void SetUp() override {
    TransferTest::SetUp();
    Know(replica_);
  }

  /// Lets a process know accounts a to e as they are.
  void Know(Replica& replica) {
    const std::string key = absl::StrCat("know", ++known_);
    EXPECT_EQ(CreateAt(replica, {Entry(key + "b", "a", "b", 100), Entry(key + "c", "a", "c", 100),
                                 Entry(key + "d", "a", "d", 100), Entry(key + "e", "a", "e", 100)}),
              Texts(4, "applied"));
  }
  /// What one statement does: `posted`, `nothing`, or the code of its failure.
  std::string PostBy(Replica& replica, const std::vector<ledger::Transfer>& transfers) {
    const auto posted =
        PostPlain(replica.pool, replica.cache, community_, clock_.Now(), {transfers});
    if (!posted.ok()) return absl::StatusCodeToString(posted.status().code());
    return posted->has_value() ? "posted" : "nothing";
  }
  std::string Post(const std::vector<ledger::Transfer>& transfers) {
    return PostBy(quiet_, transfers);
  }

  // One that never writes accounts back by itself.
  Replica quiet_{database_->dsn(), clock_, 1'000'000};
  int known_ = 0;
};

TEST_F(PlainTransfersTest, WhatIsKnownIsPostedAsEverywhereElse) {
  Know(quiet_);
  const int64_t version = NumberFrom("SELECT version FROM ledgers");
  EXPECT_EQ(Post({Linked(Entry("k1", "b", "c", 150)), Entry("k2", "c", "d", 250),
                  Entry("k3", "a", "e", 50)}),
            "posted");
  EXPECT_EQ(NumberFrom("SELECT version FROM ledgers"), version + 1);
  EXPECT_EQ(NumberFrom("SELECT count(*) FROM journal_entries WHERE kind = 'transfer' "
                       "AND entry_no > 8 AND currency_code = 'EUR'"),
            3);
  EXPECT_EQ(Has("b"), 50);
  EXPECT_EQ(Has("c"), 100);
  EXPECT_EQ(Has("d"), 450);
  EXPECT_EQ(CreateAt(quiet_, {Entry("k1", "b", "c", 150), Entry("k2", "c", "d", 251)}),
            (Texts{"exists", "CONTENT_DIFFERS"}));
  // Another process sees the closing sums that they carry.
  Replica other(database_->dsn(), clock_, 5);
  EXPECT_EQ(CreateAt(other, {Entry("k4", "d", "b", 450), Entry("k5", "d", "b", 1)}),
            (Texts{"applied", "DEBIT_LIMIT_EXCEEDED"}));
}

TEST_F(PlainTransfersTest, WhatIsNotPlainIsLeftToALook) {
  EXPECT_EQ(Post({Entry("k1", "a", "b", 1)}), "nothing") << "the ledger was never seen";
  Know(quiet_);
  EXPECT_EQ(Post({Entry("k1", "a", "f", 1)}), "nothing") << "an account that was never seen";
  EXPECT_EQ(Post({HoldOf("h1", "a", 1)}), "nothing");
  EXPECT_EQ(Post({Entry("k1", "b", "c", 201)}), "nothing") << "refused";
  EXPECT_EQ(Post({Entry("k1", "b", "c", 1), Entry("k1", "b", "c", 1)}), "nothing")
      << "the second one exists";
  EXPECT_EQ(Post({}), "nothing");
  EXPECT_EQ(NumberFrom("SELECT count(*) FROM journal_entries"), 8);
}

TEST_F(PlainTransfersTest, AKeyThatTheJournalHasIsAskedFor) {
  Know(quiet_);
  ASSERT_EQ(Post({Entry("k1", "b", "c", 1)}), "posted");
  EXPECT_EQ(Post({Entry("k2", "b", "c", 1), Entry("k1", "b", "c", 1)}), "ALREADY_EXISTS");
  EXPECT_EQ(Has("b"), 199) << "nothing of it";
}

TEST_F(PlainTransfersTest, AKeyThatWasRefusedIsNotPosted) {
  Know(quiet_);
  EXPECT_EQ(CreateAt(quiet_, {Entry("k1", "b", "c", 201)}), Texts{"DEBIT_LIMIT_EXCEEDED"});
  EXPECT_EQ(CreateAt(quiet_, {Entry("more", "a", "b", 100)}), Texts{"applied"});
  EXPECT_EQ(Post({Entry("k1", "b", "c", 201)}), "nothing") << "though it could be paid by now";
  EXPECT_EQ(Post({Entry("k2", "b", "c", 201)}), "posted");
}

TEST_F(PlainTransfersTest, WhatAnotherProcessWroteIsLookedAt) {
  Know(quiet_);
  ASSERT_EQ(Create({Entry("k1", "b", "c", 200)}), Texts{"applied"});
  EXPECT_EQ(Post({Entry("k2", "b", "c", 1)}), "nothing");
  EXPECT_EQ(CreateAt(quiet_, {Entry("k2", "b", "c", 1)}), Texts{"DEBIT_LIMIT_EXCEEDED"});
  EXPECT_EQ(Post({Entry("k3", "c", "b", 1)}), "posted");
}

TEST_F(PlainTransfersTest, WhoWaitsForTheLedgerLooksAgain) {
  Know(quiet_);
  std::string posted;
  {
    pqxx::connection connection(database_->owner_dsn());
    pqxx::work tx(connection);
    // Its version stays: whoever waits for it must see that it is another row.
    tx.exec("UPDATE ledgers SET account_count = account_count WHERE community_id = 'hamlet'");
    const std::jthread poster([&] { posted = Post({Entry("k1", "b", "c", 1)}); });
    EXPECT_TRUE(AwaitLockWaiters(1));
    tx.commit();
  }
  EXPECT_EQ(posted, "nothing");
  EXPECT_EQ(Has("b"), 200);
}

TEST_F(PlainTransfersTest, AHoldWhoseTimeIsOverEndsFirst) {
  Know(quiet_);
  ASSERT_EQ(CreateAt(quiet_, {HoldOf("h1", "b", 60, Start() + absl::Seconds(1))}),
            Texts{"applied"});
  ASSERT_EQ(Post({Entry("k1", "b", "c", 1)}), "posted");
  clock_.Set(Start() + absl::Seconds(1));
  EXPECT_EQ(Post({Entry("k2", "b", "c", 1)}), "nothing");
  EXPECT_EQ(CreateAt(quiet_, {Entry("k2", "b", "c", 1)}), Texts{"applied"});
  EXPECT_EQ(CountersOf("b").debits_pending.micros(), 0);
}

TEST_F(PlainTransfersTest, AccountsAreWrittenBackByTurnsAllTheSame) {
  Replica folding(database_->dsn(), clock_, 5);
  Know(folding);
  const int64_t before = NumberFrom("SELECT count(*) FROM account_pages");
  int posted = 0;
  for (int i = 0; i < 50; ++i) {
    const std::vector<ledger::Transfer> one{Entry(absl::StrCat("k", i), "b", "c", 1)};
    const std::string done = PostBy(folding, one);
    posted += done == "posted" ? 1 : 0;
    if (done == "nothing") {
      EXPECT_EQ(CreateAt(folding, one), Texts{"applied"});
    }
  }
  EXPECT_GE(posted, 35);
  EXPECT_LT(posted, 50);
  EXPECT_GE(NumberFrom("SELECT count(*) FROM account_pages"), before + 10);
  EXPECT_LE(NumberFrom("SELECT entry_count - folded_entry_no FROM ledgers"), 10);
}

TEST_F(PlainTransfersTest, ManyProcessesAtOnceSpendWhatIsThereOnce) {
  constexpr int kThreads = 6;
  constexpr int kCalls = 60;
  std::atomic<int> applied = 0;
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < kThreads; ++thread) {
      threads.emplace_back([&, thread] {
        Replica replica(database_->dsn(), clock_, 50);
        for (int i = 0; i < kCalls; ++i) {
          const Texts done =
              CreateAt(replica, {Entry(absl::StrCat("k", thread, "-", i), "b", "c", 1)});
          if (done == Texts{"applied"}) ++applied;
        }
      });
    }
  }
  EXPECT_EQ(applied, 100) << "as much as b had";
  EXPECT_EQ(Has("b"), 0);
  EXPECT_EQ(Has("c"), 200);
}

}  // namespace
}  // namespace peerwatt::settlement
