// Figures of spans and their parts.

#include "services/settlement/core/billing/kpi_report.h"

#include <gtest/gtest.h>

namespace peerwatt::settlement {
namespace {

Energy Wh(int64_t wh) { return Energy::WattHours(wh); }
Money Micros(int64_t micros) { return Money::Micros(micros); }

// Two days; household a is in both, b in the second.
KpiSpan TwoDays() {
  const absl::Time start = absl::FromUnixSeconds(1'782'864'000);
  KpiSpan span;
  span.whole = {start, start + absl::Hours(48)};
  span.starts = {start, start + absl::Hours(24)};
  span.has_parts = true;
  return span;
}

KpiSums SumsOfTwoDays() {
  KpiSums sums;
  sums.periods = {{0, 96, Micros(100), Micros(90)}, {1, 90, Micros(50), Micros(50)}};
  sums.households = {
      {0,
       ParticipantId("a"),
       {Wh(4'000), {}, Wh(1'000), Wh(3'000), {}},
       {Micros(-10), Micros(-40)}},
      {1, ParticipantId("a"), {Wh(1'000), {}, {}, {}, {}}, {Micros(-20), Micros(-20)}},
      {1, ParticipantId("b"), {{}, Wh(2'000), Wh(2'000), {}, Wh(500)}, {Micros(30), Micros(20)}}};
  return sums;
}

TEST(CommunityReportTest, AddsUpPartsAndHouseholds) {
  const KpiReport<CommunityPart> report = CommunityReport(TwoDays(), SumsOfTwoDays(), 500);
  ASSERT_EQ(report.parts.size(), 2U);
  const CommunityPart& first = report.parts[0];
  EXPECT_EQ(first.span.length(), absl::Hours(24));
  EXPECT_EQ(first.household_count, 1);
  EXPECT_EQ(first.figures.kpis.local_share_ppm, 800'000);
  EXPECT_EQ(first.figures.kpis.avoided_co2_g, 2'000);
  EXPECT_EQ(first.savings_gini_ppm, 0);
  EXPECT_EQ(first.welfare_share_ppm, 900'000);
  const CommunityPart& second = report.parts[1];
  EXPECT_EQ(second.household_count, 2);
  EXPECT_EQ(second.savings_gini_ppm, 500'000) << "b alone saved";
  const CommunityPart& whole = report.whole;
  EXPECT_EQ(whole.span, TwoDays().whole);
  EXPECT_EQ(whole.settled_period_count, 186);
  EXPECT_EQ(whole.household_count, 2) << "a is one household on both days";
  EXPECT_EQ(whole.figures.energy.drawn, Wh(5'000));
  EXPECT_EQ(whole.figures.kpis.self_sufficiency_ppm, 375'000) << "3 of 8 kWh";
  EXPECT_EQ(whole.figures.kpis.savings, Micros(40));
  EXPECT_EQ(whole.savings_gini_ppm, 250'000) << "30 and 10";
  EXPECT_EQ(whole.welfare_share_ppm, 933'333);
}

TEST(HouseholdReportTest, CountsPeriodsAndSaysNothingOfCo2WithoutAFactor) {
  KpiSums sums = SumsOfTwoDays();
  sums.households.pop_back();
  const KpiReport<HouseholdPart> report = HouseholdReport(TwoDays(), sums, std::nullopt);
  EXPECT_EQ(report.whole.settled_period_count, 186);
  EXPECT_EQ(report.whole.figures.money.with_neighbours, Micros(-30));
  EXPECT_EQ(report.whole.figures.kpis.avoided_co2_g, std::nullopt);
  ASSERT_EQ(report.parts.size(), 2U);
  EXPECT_EQ(report.parts[1].figures.kpis.local_share_ppm, 0);
  EXPECT_EQ(report.parts[1].settled_period_count, 90);
}

TEST(CommunityReportTest, AMissingPriceLeavesSavingsOut) {
  KpiSums sums = SumsOfTwoDays();
  sums.households[1].money.is_price_missing = true;
  const KpiReport<CommunityPart> report = CommunityReport(TwoDays(), sums, 500);
  EXPECT_EQ(report.parts[0].figures.kpis.savings, Micros(30));
  EXPECT_EQ(report.parts[1].figures.kpis.savings, std::nullopt);
  EXPECT_EQ(report.parts[1].savings_gini_ppm, std::nullopt);
  EXPECT_EQ(report.whole.figures.kpis.savings, std::nullopt);
  EXPECT_EQ(report.whole.savings_gini_ppm, std::nullopt);
}

TEST(HouseholdReportTest, WithoutAStepThereAreNoParts) {
  KpiSpan span = TwoDays();
  span.starts.pop_back();
  span.has_parts = false;
  const KpiReport<HouseholdPart> report = HouseholdReport(span, {}, 400);
  EXPECT_TRUE(report.parts.empty());
  EXPECT_EQ(report.whole.figures.kpis.local_share_ppm, std::nullopt);
  EXPECT_EQ(report.whole.figures.kpis.avoided_co2_g, 0);
}

}  // namespace
}  // namespace peerwatt::settlement
