// Settlement is killed at every call that it makes to the database for holds of plain bids, before
// and after the call's effect: no hold is lost, none is there twice, none without its money.

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/base/clock.h"
#include "tests/postgres/settlement/doomed.h"
#include "tests/postgres/settlement/hold_fixture.h"

namespace peerwatt::settlement {
namespace {

constexpr int64_t kBalance = 1000;

class HoldsCutOffTest : public HoldTest {
 protected:
  bool HoldsBy(Doomed& process, const std::string& order) const {
    const auto reasons = process.holds.CreateHolds(
        community_, Quarter(0), {Hold(order, "p1", 300), Hold(order + "b", "p1", 50)});
    return reasons.ok() && *reasons == Reasons(2);
  }
  /// A ledger in which nobody holds anything.
  void Reset() {
    SetUp();
    Fund("p1", kBalance);
  }
  /// What is held by the sum of the holds, less what the accounts have pending.
  int64_t Unpaid() const {
    return NumberFrom(
        "SELECT coalesce((SELECT sum(amount_micros) FROM holds WHERE state = 'OPEN'), "
        "0) - (SELECT sum(debits_pending_micros) FROM accounts)");
  }

  SystemClock clock_;
};

// What the process knows after the first holds spares it the look before the second.
TEST_F(HoldsCutOffTest, AtEveryDatabaseCallOfPlainBids) {
  Reset();
  std::vector<std::string> stories = {StoryOf(*database_)};
  int first_calls = 0;
  int calls = 0;
  {
    Doomed whole(database_->dsn(), clock_, -1, false);
    for (const char* order : {"o1", "o2"}) {
      first_calls = calls;
      ASSERT_TRUE(HoldsBy(whole, order));
      calls = whole.proxy.calls();
      stories.push_back(StoryOf(*database_));
    }
  }
  ASSERT_EQ(calls, first_calls + 1) << "one statement for the second";
  int64_t half_written = 0;
  for (int cut_at = 0; cut_at < calls; ++cut_at) {
    for (const bool after_effect : {false, true}) {
      Reset();
      {
        Doomed doomed(database_->dsn(), clock_, cut_at, after_effect);
        EXPECT_EQ(HoldsBy(doomed, "o1"), cut_at >= first_calls);
        EXPECT_FALSE(HoldsBy(doomed, "o2")) << "acknowledged without the database's answer";
      }
      half_written += std::count(stories.begin(), stories.end(), StoryOf(*database_)) == 0;
      EXPECT_EQ(Unpaid(), 0);
      Doomed next(database_->dsn(), clock_, -1, false);
      EXPECT_TRUE(HoldsBy(next, "o1"));
      EXPECT_TRUE(HoldsBy(next, "o2"));
      EXPECT_EQ(StoryOf(*database_), stories.back()) << "call " << cut_at << ", " << after_effect;
    }
  }
  EXPECT_EQ(half_written, 0);
}

// The control: holds and their money in two transactions are seen half written.
TEST_F(HoldsCutOffTest, NoticesHoldsInTwoTransactions) {
  Reset();
  pqxx::connection connection(database_->owner_dsn());
  {
    pqxx::work tx(connection);
    tx.exec(
        "INSERT INTO holds (community_id, order_name, period_start_at, debit_account_no, "
        "initial_micros, amount_micros, state) SELECT 'hamlet', 'o1', now(), account_no, 300, "
        "300, 'OPEN' FROM accounts WHERE account_id = 'participant-p1'");
    tx.commit();
  }
  EXPECT_EQ(Unpaid(), 300);
  pqxx::work later(connection);
  // The second transaction, which a kill in between would have prevented.
  later.exec(
      "UPDATE accounts SET debits_pending_micros = debits_pending_micros + 300 "
      "WHERE account_id = 'participant-p1'");
  later.commit();
  EXPECT_EQ(Unpaid(), 0);
}

}  // namespace
}  // namespace peerwatt::settlement
