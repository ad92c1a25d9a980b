// Settlement is killed at every call to the database while it issues statements, before and after
// the call's effect: all is there or nothing, and no number is lost. Prints what it counted.

#include <gtest/gtest.h>

#include <cstdio>
#include <functional>

#include "services/settlement/storage/statement_queries.h"
#include "tests/postgres/settlement/statement_fixture.h"
#include "tests/support/cutting_proxy.h"
#include "tests/support/database_text.h"

namespace peerwatt::settlement {
namespace {

using peerwatt::testing::CuttingProxy;

// A process whose calls to the database go through a proxy that cuts at one of them.
struct Doomed {
  Doomed(const std::string& dsn, int cut_at, bool after_effect)
      : proxy(dsn, {.call = cut_at, .after_effect = after_effect}),
        pool(proxy.dsn(), AllQueries(), 2),
        statements(pool, cache) {}

  CuttingProxy proxy;
  postgres::Pool pool;
  LedgerCache cache{crypto::Sha256};
  PostgresStatementStore statements;
};

struct Counts {
  int cuts = 0;
  int half_written = 0;
  int64_t gaps = 0;
};

class StatementCutOffTest : public StatementTest {
 protected:
  using Call = std::function<bool(Doomed&)>;

  /// All that issuing writes, in one text.
  std::string Story() const {
    return peerwatt::testing::TextOf(
        database_->owner_dsn(),
        {"SELECT account_id, debits_posted_micros, credits_posted_micros FROM account_states "
         "ORDER BY account_id",
         "SELECT entry_no, kind, idempotency_key, amounts_micros FROM journal_entries "
         "ORDER BY entry_no",
         "SELECT request_id, content_hash, run_counts FROM statement_issues ORDER BY request_id",
         "SELECT statement_id, participant_id, sequence_no, content_hash, entry_no "
         "FROM statements ORDER BY statement_id",
         "SELECT statement_id, line_no, net_micros, day_keys FROM statement_lines "
         "ORDER BY statement_id, line_no",
         "SELECT statement_id, tax_no, amount_micros FROM statement_taxes "
         "ORDER BY statement_id, tax_no",
         "SELECT series, year, last_no FROM statement_numbers ORDER BY series, year"});
  }
  /// Two households with a month, one of them with a document that is corrected now.
  void Prepare() {
    SetUp();
    ASSERT_FALSE(HasFatalFailure());
    SettleJuly();
    Describe("ada");
    Describe("bob");
    ASSERT_TRUE(Issue("r0", DocumentKind::kInvoice, {"ada"}).ok());
    Commit(1, 1, {MakeLine("ada", LineKind::kRetail, -700, 210'004)});
  }
  static bool IssueBy(Doomed& process, const CommunityId& community) {
    IssueRequest issue;
    issue.query = {community, DocumentKind::kInvoice, absl::CivilMonth(2026, 7), Berlin()};
    issue.request_id = "r1";
    const auto issued = process.statements.Issue(issue, InAugust());
    return issued.ok() && issued->size() == 2;
  }

  Counts CutEverywhere(const Call& call) {
    Counts counts;
    Prepare();
    const std::string before = Story();
    int calls = 0;
    {
      Doomed whole(database_->dsn(), -1, false);
      EXPECT_TRUE(call(whole));
      calls = whole.proxy.calls();
    }
    const std::string after = Story();
    EXPECT_NE(before, after);
    for (int cut_at = 0; cut_at < calls; ++cut_at) {
      for (const bool after_effect : {false, true}) {
        Prepare();
        {
          Doomed doomed(database_->dsn(), cut_at, after_effect);
          EXPECT_FALSE(call(doomed)) << "acknowledged without the database's answer";
        }
        const std::string found = Story();
        ++counts.cuts;
        counts.half_written += found != before && found != after ? 1 : 0;
        counts.gaps += Gaps();
        if (counts.half_written > 0) continue;
        Doomed next(database_->dsn(), -1, false);
        EXPECT_TRUE(call(next)) << "call " << cut_at << ", " << after_effect;
        EXPECT_EQ(Story(), after) << "call " << cut_at << ", " << after_effect;
      }
    }
    return counts;
  }
};

TEST_F(StatementCutOffTest, AtEveryCallOfIssuing) {
  const Counts counts = CutEverywhere([&](Doomed& p) { return IssueBy(p, community_); });
  std::printf("statements cuts %d half_written %d gaps %d\n", counts.cuts, counts.half_written,
              static_cast<int>(counts.gaps));
  EXPECT_GE(counts.cuts, 30);
  EXPECT_EQ(counts.half_written, 0);
  EXPECT_EQ(counts.gaps, 0);
}

// The control: who takes the number in a transaction of its own loses it when it is killed.
TEST_F(StatementCutOffTest, ANumberOfAnotherTransactionIsLost) {
  int64_t gaps = 0;
  for (const bool after_effect : {false, true}) {
    for (int cut_at = 0; cut_at < 8; ++cut_at) {
      Prepare();
      Doomed doomed(database_->dsn(), cut_at, after_effect);
      const absl::Status taken = doomed.pool.Run([&](pqxx::work& tx) {
        postgres::Exec(tx, kTakeStatementNumbers, community_.value(), "R", 2026, 1);
        return absl::OkStatus();
      });
      if (taken.ok()) {
        EXPECT_FALSE(IssueBy(doomed, community_));
      }
      gaps += Gaps();
    }
  }
  std::printf("statements_control gaps %d\n", static_cast<int>(gaps));
  EXPECT_GT(gaps, 0);
  SetUp();
}

}  // namespace
}  // namespace peerwatt::settlement
