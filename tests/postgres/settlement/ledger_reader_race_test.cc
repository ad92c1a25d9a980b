// Somebody reads while the same process posts and writes accounts back. At each call that a reader
// makes to the database, its answer is held until others have posted enough for a fold.

#include <functional>
#include <map>

#include <gtest/gtest.h>

#include "tests/postgres/settlement/transfer_fixture.h"
#include "tests/support/cutting_proxy.h"

namespace peerwatt::settlement {
namespace {

using peerwatt::testing::CuttingProxy;

class LedgerReaderRaceTest : public TransferTest {
 protected:
  /// Posts `count` entries from a to b.
  void Post(int count) {
    for (int i = 0; i < count; ++i) {
      ASSERT_EQ(Create({Entry(absl::StrCat("k", ++posted_), "a", "b", 1)}), Texts{"applied"});
    }
  }
  /// Posts until accounts have been written back with all that they have: nothing is left in
  /// memory that a reader could take instead.
  void PostUntilAllIsFolded() {
    do {
      Post(1);
    } while (Folded() < posted_ - 1);
  }
  int64_t Folded() const {
    return NumberFrom("SELECT folded_entry_no FROM ledgers WHERE community_id = 'hamlet'");
  }

  /// Does `read` once for each call that it makes, and has others post in the middle of that one.
  /// read: gets a reader and how many entries there were at its start.
  void ReadAmidFolds(const std::function<void(LedgerReader&, int)>& read) {
    int calls = 1;
    for (int call = 0; call < calls; ++call) {
      SCOPED_TRACE(absl::StrCat("answer to call ", call, " comes late"));
      // The newest are in memory alone.
      do {
        Post(1);
      } while (Folded() > posted_ - 3);
      const int before = posted_;
      CuttingProxy proxy(database_->dsn(),
                         {.call = call, .meanwhile = [&] { PostUntilAllIsFolded(); }});
      postgres::Pool pool(proxy.dsn(), AllQueries(), 1);
      LedgerReader reader(pool, replica_.cache);
      read(reader, before);
      EXPECT_GT(posted_, before) << "the others came in between";
      calls = proxy.calls();
    }
    EXPECT_GE(calls, 5);
  }

  int posted_ = 0;
};

TEST_F(LedgerReaderRaceTest, AnAccountHasItsSumsBeforeOrAfter) {
  ReadAmidFolds([&](LedgerReader& reader, int before) {
    const auto account = reader.GetAccount(community_, General("b"));
    ASSERT_TRUE(account.ok()) << account.status();
    const int64_t credits = account->counters.credits_posted.micros();
    EXPECT_GE(credits, before);
    EXPECT_LE(credits, posted_);
  });
}

TEST_F(LedgerReaderRaceTest, AListOfAccountsHasTheirSumsBeforeOrAfter) {
  ReadAmidFolds([&](LedgerReader& reader, int before) {
    const auto accounts = reader.ListAccounts(community_, AccountId("general-"), 6);
    ASSERT_TRUE(accounts.ok()) << accounts.status();
    ASSERT_EQ(accounts->size(), 6U);
    EXPECT_GE((*accounts)[0].counters.debits_posted.micros(), before);
    EXPECT_GE((*accounts)[1].counters.credits_posted.micros(), before);
    EXPECT_LE((*accounts)[1].counters.credits_posted.micros(), posted_);
  });
}

TEST_F(LedgerReaderRaceTest, ABalanceAsOfAnEntryIsTheSame) {
  ReadAmidFolds([&](LedgerReader& reader, int before) {
    const auto balance = reader.GetBalance(community_, General("b"), before);
    ASSERT_TRUE(balance.ok()) << balance.status();
    EXPECT_EQ(balance->entry_number, before);
    EXPECT_EQ(balance->Balance().micros(), before);
  });
}

TEST_F(LedgerReaderRaceTest, NoEntryIsMissingOrListedTwice) {
  ReadAmidFolds([&](LedgerReader& reader, int before) {
    const auto entries = reader.ListEntries(community_, General("b"), 0, 1000);
    ASSERT_TRUE(entries.ok()) << entries.status();
    EXPECT_GE(static_cast<int>(entries->size()), before);
    int64_t number = 0;
    for (const PostedEntry& entry : *entries) EXPECT_EQ(entry.number, ++number);
  });
}

TEST_F(LedgerReaderRaceTest, AnInstantHasTheSameEntry) {
  Post(4);
  clock_.Set(Start() + absl::Seconds(1));
  ReadAmidFolds([&](LedgerReader& reader, int) {
    const auto entry = reader.EntryAt(community_, Start());
    ASSERT_TRUE(entry.ok()) << entry.status();
    EXPECT_EQ(*entry, 4);
  });
}

}  // namespace
}  // namespace peerwatt::settlement
