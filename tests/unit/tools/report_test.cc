#include "tools/peerwatt/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/tools/demo_figures.h"

namespace peerwatt::tool {
namespace {

using ::testing::HasSubstr;

Scenario TwoIntervals() {
  Scenario scenario;
  const absl::Time start = absl::FromUnixSeconds(1'780'264'800);
  scenario.timetable = {start, start + absl::Minutes(30), absl::Minutes(15), absl::Hours(1)};
  return scenario;
}

TEST(ReportTest, StatesEachHouseholdInWholeWattHoursAndMicros) {
  const Json report = ReportJson(TwoIntervals(), ConsistentFigures());
  const Json& one = report.at("households").at(0);
  EXPECT_EQ(one.at("participant"), "participants/h01");
  EXPECT_EQ(one.at("consumed_wh"), 1000);
  EXPECT_EQ(one.at("produced_wh"), 1500);
  EXPECT_EQ(one.at("self_consumed_wh"), 400);
  EXPECT_EQ(one.at("sold_wh"), 500);
  EXPECT_EQ(one.at("from_main_grid_wh"), 600);
  EXPECT_EQ(one.at("to_main_grid_wh"), 600);
  EXPECT_EQ(one.at("bill_micros"), 69'000);
  EXPECT_EQ(one.at("bill_without_trading_micros"), 104'000);
  EXPECT_EQ(one.at("saving_micros"), 35'000);
  EXPECT_EQ(report.at("households").at(1).at("bought_wh"), 500);
}

TEST(ReportTest, StatesFiguresAndNothingWhereThereIsNone) {
  const Json kpis = ReportJson(TwoIntervals(), ConsistentFigures()).at("kpis");
  EXPECT_EQ(kpis.at("community").at("local_share_ppm"), 473'684);
  EXPECT_EQ(kpis.at("community").at("welfare_share_ppm"), 750'000);
  EXPECT_EQ(kpis.at("households").at(1).at("participant"), "participants/h02");
  EXPECT_EQ(kpis.at("households").at(1).at("saving_micros"), 60'000);
  EXPECT_EQ(kpis.at("households").at(1).at("local_use_ppm"), nullptr) << "it produces nothing";
  EXPECT_EQ(kpis.at("emission_factor").at("source"), "an example");
  const std::string text = ReportText(TwoIntervals(), ConsistentFigures());
  EXPECT_THAT(text, HasSubstr("h02                   0.0         55.5            -            -"));
  EXPECT_THAT(text, HasSubstr("Welfare delivered 0.05 of 0.06 EUR (75.0 %)"));
  EXPECT_THAT(text, HasSubstr("at 400 g/kWh (an example)"));
  DemoFigures figures = ConsistentFigures();
  figures.kpis.co2_source = "";
  EXPECT_EQ(ReportJson(TwoIntervals(), figures).at("kpis").at("emission_factor"), nullptr);
}

TEST(ReportTest, HoldsItsThreeProofs) {
  const Json report = ReportJson(TwoIntervals(), ConsistentFigures());
  for (const char* name : {"energy_accounted", "ledger_sum_zero", "readings_equal_input"}) {
    EXPECT_EQ(report.at("proofs").at(name).at("holds"), true) << name;
  }
  EXPECT_TRUE(ProofsHold(TwoIntervals(), ConsistentFigures()));
}

TEST(ReportTest, DoesNotHideABrokenProof) {
  DemoFigures figures = ConsistentFigures();
  figures.ledger.postings_sum = Money::Micros(1);
  EXPECT_FALSE(ProofsHold(TwoIntervals(), figures));
  EXPECT_THAT(ReportText(TwoIntervals(), figures), HasSubstr("BROKEN all ledger accounts"));
}

TEST(ReportTest, ShowsEnergyAndMoneyForPeople) {
  const std::string text = ReportText(TwoIntervals(), ConsistentFigures());
  EXPECT_THAT(text, HasSubstr("h01"));
  EXPECT_THAT(text, HasSubstr("1.500"));   // kWh produced
  EXPECT_THAT(text, HasSubstr("47.4 %"));  // self-sufficiency
  EXPECT_THAT(text, HasSubstr("0.1500"));  // price
}

TEST(ReportTest, ListsAPriceOrNothingPerInterval) {
  const Json report = ReportJson(TwoIntervals(), ConsistentFigures());
  const Json& day = report.at("prices").at("by_day").at(0);
  EXPECT_EQ(day.at("day"), "2026-06-01");
  EXPECT_EQ(day.at("prices_micros_per_kwh"), Json::array({150'000, nullptr}));
}

TEST(PriceBarsTest, SpansFromTheLowestToTheHighest) {
  const auto at = [](int64_t micros) {
    return AuctionFigures{absl::UnixEpoch(), Price::MicrosPerKwh(micros), Energy::WattHours(1)};
  };
  const AuctionFigures none{absl::UnixEpoch(), std::nullopt, Energy()};
  const Price low = Price::MicrosPerKwh(100);
  const Price high = Price::MicrosPerKwh(800);
  EXPECT_EQ(PriceBars({at(100), at(100), at(800), at(800), none, none}, low, high), "▁█·");
  EXPECT_EQ(PriceBars({at(100), none, at(800)}, low, high), "▁█");
  EXPECT_EQ(PriceBars({at(100), at(100)}, low, low), "▁");
}

TEST(ByLocalDayTest, SplitsAtLocalMidnight) {
  absl::TimeZone zone;
  ASSERT_TRUE(absl::LoadTimeZone("Europe/Berlin", &zone));
  std::vector<AuctionFigures> auctions;
  const absl::Time start = absl::FromUnixSeconds(1'616'886'000);  // the day of 23 hours
  for (int i = 0; i < 92 + 96; ++i) {
    auctions.push_back({start + i * absl::Minutes(15), std::nullopt, Energy()});
  }
  const auto days = ByLocalDay(auctions, zone);
  ASSERT_EQ(days.size(), 2u);
  EXPECT_EQ(days[0].size(), 92u);
  EXPECT_EQ(days[1].size(), 96u);
}

}  // namespace
}  // namespace peerwatt::tool
