#include "services/settlement/core/reconciliation/finding.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "services/settlement/core/reconciliation/books_file.h"

namespace peerwatt::settlement::reconciliation {
namespace {

Finding At(Check check, const std::string& position, const std::string& detail = "") {
  return {check, position, "accounts/" + position, detail};
}

TEST(DecideFindings, KeepsWhatIsOpenAndTakesWhatIsNew) {
  const std::vector<OpenFinding> open = {{4, At(Check::kPendingSum, "a", "is 5")}};
  const FindingChanges changes =
      DecideFindings(open,
                     {At(Check::kPendingSum, "a", "is 6"), At(Check::kPendingSum, "b"),
                      At(Check::kPendingSum, "b", "once more"), At(Check::kHoldExpired, "a")},
                     {{Check::kPendingSum, "", "z", std::nullopt}});
  EXPECT_EQ(changes.found,
            (std::vector<Finding>{At(Check::kPendingSum, "b"), At(Check::kHoldExpired, "a")}));
  EXPECT_TRUE(changes.resolved.empty());
}

TEST(DecideFindings, ResolvesOnlyWhatWasLookedFor) {
  const std::vector<OpenFinding> open = {
      {1, At(Check::kPendingSum, "b")},  {2, At(Check::kPendingSum, "c")},
      {3, At(Check::kPendingSum, "d")},  {4, At(Check::kHoldExpired, "c")},
      {5, At(Check::kLineAmount, "p1")}, {6, At(Check::kLineAmount, "p2")}};
  const FindingChanges changes =
      DecideFindings(open, {},
                     {{Check::kPendingSum, "b", "c", std::nullopt},
                      {Check::kLineAmount, "", "", std::set<std::string>{"p2", "p3"}}});
  EXPECT_EQ(changes.resolved, (std::vector<OpenFinding>{open[1], open[5]}))
      << "positions after the first up to the second, or named ones";
}

TEST(Check, NamesAreThereOnceAndBack) {
  std::set<absl::string_view> names;
  for (const Check check : AllChecks()) {
    EXPECT_TRUE(names.insert(NameOf(check)).second);
    EXPECT_EQ(CheckNamed(NameOf(check)), check);
  }
  EXPECT_EQ(names.size(), 17U);
  EXPECT_EQ(CheckNamed("else"), std::nullopt);
}

TEST(BooksFile, WritesWhatACommaOrAQuoteIsIn) {
  PostedEntry entry;
  entry.number = 7;
  entry.entry = {"deposit",
                 "a,\"b\"",
                 std::nullopt,
                 {{AccountId("rounding"), Money::Micros(-5)},
                  {AccountId("participant-p1"), Money::Micros(5)}}};
  entry.created_at = absl::FromUnixSeconds(1'782'864'000);
  std::string text;
  AppendHeader(BooksPart::kJournal, text);
  AppendLine(entry, text);
  EXPECT_EQ(text,
            "entry,kind,key,period_start,create_time,postings\r\n"
            "7,deposit,\"a,\"\"b\"\"\",,2026-07-01T00:00:00Z,rounding:-5 participant-p1:5\r\n");
}

}  // namespace
}  // namespace peerwatt::settlement::reconciliation
