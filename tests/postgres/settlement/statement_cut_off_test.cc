// Settlement is killed at every call to the database while it issues statements, before and after
// the call's effect: all is there or nothing, and no number is lost. Prints what it counted.

#include <gtest/gtest.h>

#include <cstdio>

#include "services/settlement/storage/statement_queries.h"
#include "tests/postgres/settlement/cut_everywhere.h"
#include "tests/postgres/settlement/statement_fixture.h"
#include "tests/support/cutting_proxy.h"
#include "tests/support/database_text.h"

namespace peerwatt::settlement {
namespace {

using peerwatt::testing::CuttingProxy;

// A process whose calls to the database go through a proxy that cuts at one of them.
struct Doomed {
  Doomed(const std::string& dsn, const peerwatt::testing::Interruption& interruption)
      : proxy(dsn, interruption),
        pool(proxy.dsn(), AllQueries(), 2),
        statements(pool, cache) {}

  CuttingProxy proxy;
  postgres::Pool pool;
  LedgerCache cache{crypto::Sha256};
  PostgresStatementStore statements;
};

class StatementCutOffTest : public StatementTest {
 protected:
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
};

TEST_F(StatementCutOffTest, AtEveryCallOfIssuing) {
  int64_t gaps = 0;
  CutCall issuing{"issuing", [&] { Prepare(); },
                  [&](const peerwatt::testing::Interruption& interruption, int* calls) {
                    Doomed process(database_->dsn(), interruption);
                    const bool issued = IssueBy(process, community_);
                    *calls = process.proxy.calls();
                    return issued;
                  },
                  [&] { return Story(); }};
  issuing.look = [&] { gaps += Gaps(); };
  const CutCounts counts = CutEverywhere(issuing);
  std::printf("statements cuts %d half_written %d gaps %d\n", static_cast<int>(counts.cuts),
              static_cast<int>(counts.half_written), static_cast<int>(gaps));
  EXPECT_GE(counts.cuts, 30);
  EXPECT_EQ(counts.half_written, 0);
  EXPECT_EQ(counts.duplicated, 0);
  EXPECT_EQ(gaps, 0);
}

// The control: who takes the number in a transaction of its own loses it when it is killed.
TEST_F(StatementCutOffTest, ANumberOfAnotherTransactionIsLost) {
  int64_t gaps = 0;
  for (const bool after_effect : {false, true}) {
    for (int cut_at = 0; cut_at < 8; ++cut_at) {
      Prepare();
      Doomed doomed(database_->dsn(), {.call = cut_at, .after_effect = after_effect});
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
