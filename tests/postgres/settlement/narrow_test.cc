// What few points change is settled again alone, and leaves the rows that all of it would leave.

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
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
  constexpr int kDays = 8;
  SelectiveStore narrow(runs_, Knows::kAllPoints);
  SelectiveStore full(runs_, Knows::kNoPoints);
  Live(kDays, {{"village", &narrow}, {"town", &full}});
  EXPECT_GT(narrow.narrow_count, kDays * 20);
  EXPECT_EQ(full.narrow_count, 0);
  const bool are_the_same =
      RowsOf(database_->owner_dsn(), "village") == RowsOf(database_->owner_dsn(), "town");
  EXPECT_TRUE(are_the_same);
  EXPECT_EQ(DifferencesFromScratch("village"), 0);
}

TEST_F(NarrowTest, RunsSumToASettlementFromScratchAndRewriteNothing) {
  const char* given = std::getenv("PEERWATT_DAYS");
  const int days = given == nullptr ? 8 : std::stoi(given);
  SelectiveStore narrow(runs_, Knows::kAllPoints);
  Live(days, {{"village", &narrow}});
  const int64_t differences = DifferencesFromScratch("village");
  EXPECT_EQ(NumberFrom("SELECT count(*) FROM settlement_periods"),
            int64_t{2} * days * kPeriods);
  EXPECT_GT(narrow.narrow_count, days * 20);
  EXPECT_EQ(differences, 0);
  EXPECT_EQ(Rewrites(), 0);
  std::printf("days days %d runs %d periods_again %d periods_narrowly %d differences %d "
              "rows_updated %d\n",
              days, kRuns, probe_.restated.load(), static_cast<int>(narrow.narrow_count),
              static_cast<int>(differences), static_cast<int>(Rewrites()));
}

TEST_F(NarrowTest, APointThatIsForgottenIsNoticedAndSoIsARowThatIsRewritten) {
  SelectiveStore forgetful(runs_, Knows::kAllPointsButOne);
  Live(2, {{"village", &forgetful}});
  const int64_t differences = DifferencesFromScratch("village");
  EXPECT_GT(differences, 0);
  EXPECT_EQ(Rewrites(), 0);
  Execute("UPDATE settlement_lines SET energy_wh = energy_wh WHERE community_id = 'village' "
          "AND run = 1 AND line_no = 1");
  EXPECT_EQ(Rewrites(), 2 * kPeriods);
  std::printf("days_control differences %d rows_updated %d\n", static_cast<int>(differences),
              static_cast<int>(Rewrites()));
}

}  // namespace
}  // namespace peerwatt::settlement
