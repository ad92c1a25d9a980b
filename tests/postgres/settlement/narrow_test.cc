// What few points change is settled again alone, and leaves the rows that all of it would leave.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/postgres/settlement/days_fixture.h"
#include "tests/support/database_text.h"

namespace peerwatt::settlement {
namespace {

using Knows = SelectiveStore::Knows;

/// Everything that runs leave behind for a community. Entries are numbered as they come, so lines
/// are shown with the key of their entry, entries without numbers, tariffs without the community.
std::string RowsOf(const std::string& dsn, const std::string& community) {
  const std::string of = absl::StrCat(" AS t WHERE t.community_id = '", community, "' ORDER BY 1");
  std::vector<std::string> statements = {
      "SELECT (to_jsonb(t) - '{community_id,entry_no}'::text[] || jsonb_build_object('key', ("
      "SELECT e.idempotency_key FROM journal_entries AS e WHERE e.community_id = t.community_id "
      "AND e.entry_no = t.entry_no)))::text FROM settlement_lines",
      "SELECT (to_jsonb(t) - '{community_id,entry_no,account_nos,closing_micros}'::text[])::text "
      "FROM journal_entries",
      "SELECT concat_ws(' ', t.account_id, t.balance_micros) FROM account_states"};
  for (const char* table : {"settlement_periods", "period_welfare", "settlement_runs",
                            "run_periods", "run_evidence", "dirty_periods"}) {
    statements.push_back(
        absl::StrCat("SELECT replace((to_jsonb(t) - 'community_id')::text, 'communities/",
                     community, "/', '') FROM ", table));
  }
  std::vector<const char*> texts;
  for (std::string& statement : statements) {
    statement += of;
    texts.push_back(statement.c_str());
  }
  return peerwatt::testing::TextOf(dsn, texts);
}

class NarrowTest : public DaysTest {};

TEST_F(NarrowTest, LeavesTheRowsThatSettlingAllOfAPeriodLeaves) {
  constexpr int kDays = 3;
  SelectiveStore narrow(runs_, Knows::kAllPoints);
  SelectiveStore full(runs_, Knows::kNoPoints);
  Live(kDays, {{"hamlet", &narrow}, {"village", &full}});
  EXPECT_GT(narrow.narrow_count, kDays * 100);
  EXPECT_EQ(full.narrow_count, 0);
  EXPECT_EQ(RowsOf(database_->owner_dsn(), "hamlet"), RowsOf(database_->owner_dsn(), "village"));
  EXPECT_EQ(DifferencesFromScratch("hamlet", kDays), 0);
  EXPECT_EQ(Rewrites(), 0);
}

TEST_F(NarrowTest, APointThatIsForgottenIsNoticedAndSoIsARowThatIsRewritten) {
  SelectiveStore forgetful(runs_, Knows::kAllPointsButOne);
  Live(1, {{"hamlet", &forgetful}});
  EXPECT_GT(DifferencesFromScratch("hamlet", 1), 0);
  EXPECT_EQ(Rewrites(), 0);
  Execute("UPDATE settlement_lines SET energy_wh = energy_wh WHERE community_id = 'hamlet' "
          "AND run = 1 AND line_no = 1");
  EXPECT_EQ(Rewrites(), kPeriods);
}

}  // namespace
}  // namespace peerwatt::settlement
