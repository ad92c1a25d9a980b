#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ostream>

#include "absl/strings/str_cat.h"
#include "tests/unit/market/surveillance_scenarios.h"

namespace peerwatt::market {

void PrintTo(const SurveyScenario& scenario, std::ostream* out) { *out << scenario.name; }

namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

class SurveyScenarioTest : public ::testing::TestWithParam<SurveyScenario> {};

TEST_P(SurveyScenarioTest, IsSeenAsTold) {
  EXPECT_EQ(Told(GetParam()), GetParam().findings) << GetParam().day;
}

INSTANTIATE_TEST_SUITE_P(All, SurveyScenarioTest, ::testing::ValuesIn(SurveyScenarios()));

std::vector<std::string> Values(const std::vector<ParticipantId>& ids) {
  std::vector<std::string> values;
  for (const ParticipantId& id : ids) {
    values.push_back(id.value());
  }
  return values;
}

TEST(SurveyTest, NamesAccountsDeliveriesAndTrades) {
  const SurveyResult result =
      Survey(SurveyedDayOf("owner c a; 10:15 a>b 500; 10:00 c>b 500; 10:45 b>a 1000"), {});
  ASSERT_THAT(result.findings, SizeIs(1));
  const Finding& finding = result.findings[0];
  EXPECT_EQ(finding.rule, SurveillanceRule::kReturnTrade);
  EXPECT_THAT(Values(finding.owners), ElementsAre("a", "b"));
  EXPECT_THAT(Values(finding.participants), ElementsAre("a", "b", "c"));
  EXPECT_EQ(finding.deliveries.start, SurveyedDay() + absl::Hours(10));
  EXPECT_EQ(finding.deliveries.end, SurveyedDay() + absl::Hours(11));
  EXPECT_THAT(finding.references, ElementsAre("auctions/20270116t100000z/trades/t2",
                                              "auctions/20270116t101500z/trades/t1",
                                              "auctions/20270116t104500z/trades/t3"));
  EXPECT_EQ(finding.reference_count, 3);
  EXPECT_TRUE(result.complete);
}

TEST(SurveyTest, NamesOrdersThatWereWithdrawn) {
  const SurveyResult result =
      Survey(SurveyedDayOf("10:00 a bid 600 withdrawn x5; 10:00 a bid 1; 10:00 a>b 1000"),
             {.references_max = 2});
  ASSERT_THAT(result.findings, SizeIs(1));
  EXPECT_THAT(result.findings[0].references, ElementsAre("auctions/20270116t100000z/orders/o1",
                                                         "auctions/20270116t100000z/orders/o2"));
  EXPECT_EQ(result.findings[0].reference_count, 5);
}

TEST(SurveyTest, EachFlowOfARingHasItsShareOfTheReferences) {
  std::string day;
  for (int i = 0; i < 50; ++i) {
    absl::StrAppend(&day, "10:00 a>b 100; 10:15 b>c 100; 10:30 c>a 100; ");
  }
  const SurveyResult result = Survey(SurveyedDayOf(day), {.references_max = 7});
  ASSERT_THAT(result.findings, SizeIs(1));
  EXPECT_THAT(
      result.findings[0].references,
      ElementsAre("auctions/20270116t100000z/trades/t1", "auctions/20270116t100000z/trades/t4",
                  "auctions/20270116t101500z/trades/t2", "auctions/20270116t101500z/trades/t5",
                  "auctions/20270116t103000z/trades/t3", "auctions/20270116t103000z/trades/t6"));
  EXPECT_EQ(result.findings[0].reference_count, 150);
}

TEST(SurveyTest, SaysThatItEndedAtABound) {
  const SurveyInput day = SurveyedDayOf(
      "10:00 a>b 1000; 10:15 b>c 1000; 10:30 c>a 1000; 11:00 a>b 1000; 11:15 b>a 1000");
  EXPECT_TRUE(Survey(day, {}).complete);
  const SurveyResult weary = Survey(day, {.ring_steps_max = 3});
  EXPECT_FALSE(weary.complete);
  EXPECT_EQ(Told(weary.findings), "RETURN_TRADE a,b 1000 1000000");
  const SurveyResult full = Survey(day, {.findings_max = 1});
  EXPECT_FALSE(full.complete);
  EXPECT_THAT(full.findings, SizeIs(1));
}

TEST(SurveyTest, ADayWithoutTradesHasNothing) {
  const SurveyResult result = Survey(SurveyedDayOf(""), {});
  EXPECT_TRUE(result.complete);
  EXPECT_THAT(result.findings, SizeIs(0));
}

// Each pair of owners trades one way: the most flows and rings that there can be.
TEST(SurveyTest, ACraftedDayEndsAtTheBoundOnWork) {
  SurveyInput day = SurveyedDayOf("");
  constexpr int kOwners = 300;
  for (int i = 0; i < kOwners; ++i) {
    for (int j = 0; j < i; ++j) {
      const bool turned = (i * 7919 + j * 104729) % 3 == 0;
      day.trades.push_back({.delivery = {day.day.start, day.day.start + absl::Minutes(15)},
                            .number = static_cast<int32_t>(day.trades.size()) + 1,
                            .buyer = ParticipantId(absl::StrCat("p", turned ? i : j)),
                            .seller = ParticipantId(absl::StrCat("p", turned ? j : i)),
                            .energy = Energy::WattHours(1'000 + (i * j) % 777)});
    }
  }
  const SurveyResult result = Survey(day, {.ring_steps_max = 200'000});
  EXPECT_FALSE(result.complete);
  EXPECT_GT(result.findings.size(), 10u);
}

TEST(RuleNameTest, EachRuleHasItsOwn) {
  std::vector<std::string> names;
  for (const SurveillanceRule rule : kSurveillanceRules) {
    names.emplace_back(RuleName(rule));
  }
  EXPECT_THAT(names, ElementsAre("OWN_TRADE", "RETURN_TRADE", "RING", "LAYERING", "CONCENTRATION"));
}

TEST(DescribeTest, NamesEveryThresholdOfARule) {
  EXPECT_EQ(Describe({}),
            "own_trade_energy_min=1 window=3600 return_energy_min=1000 ring_energy_min=1000 "
            "ring_owners_max=5 layering_orders_min=5 layering_withdrawn_ppm_min=900000 "
            "layering_multiple_min=3 concentration_ppm_min=400000 concentration_owners_min=5");
}

}  // namespace
}  // namespace peerwatt::market
