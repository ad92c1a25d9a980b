// What standing orders will do on a day, and what they did.

#include "services/market/core/autopilot/plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "services/market/core/autopilot/planner.h"
#include "services/market/core/autopilot/report.h"
#include "tests/unit/market/autopilot_scenarios.h"

namespace peerwatt::market {
namespace {

class PlanDayTest : public ::testing::Test {
 protected:
  PlanDayTest() {
    CommunityRules& rules = snapshot_.rules;
    rules.id = CommunityId("c1");
    rules.interval = absl::Minutes(60);
    rules.gate_closure_lead = absl::Hours(1);
    rules.opening_lead = absl::Hours(24);
    rules.network_fee = Price::MicrosPerKwh(50'000);
    rules.time_zone = "Europe/Berlin";
    Member member;
    member.metering_point = MeteringPointId("m1");
    member.participant = ParticipantId("p1");
    member.grid_connection = GridConnectionId("g1");
    member.approved = true;
    member.import_capacity_w = 4'000;
    member.export_capacity_w = 4'000;
    snapshot_.members = {member};
    standing_.participant = member.participant;
    standing_.id = StandingOrderId("auto");
    standing_.metering_point = member.metering_point;
    standing_.bid_price = Price::MicrosPerKwh(250'000);
    standing_.offer_price = Price::MicrosPerKwh(80'000);
    standing_.version = 3;
    SetDay(absl::CivilDay(2026, 7, 6));
  }
  void SetDay(absl::CivilDay day) {
    outlook_.day = DeliveriesOf(snapshot_.rules, DaySpanOf(day, Berlin()));
    outlook_.forecasts.clear();
    for (absl::Time at = outlook_.day.start; at < outlook_.day.end; at += absl::Hours(1)) {
      const auto hour = absl::ToCivilHour(at, Berlin()).hour();
      // A surplus of 900 Wh from 10 to 15 o'clock, else a shortfall of 400.
      const bool sun = hour >= 10 && hour < 15;
      outlook_.forecasts[MeteringPointId("m1")].push_back(
          {Energy::WattHours(400), Energy::WattHours(sun ? 1'300 : 0)});
    }
  }
  DayPlan Plan() {
    return PlanDay(Candidates({standing_}, snapshot_), snapshot_, outlook_, plan_time_).at(0);
  }
  // What each interval comes to, as `5x bid 400`.
  static std::string Told(const DayPlan& plan) {
    std::vector<std::pair<std::string, int>> runs;
    for (const PlannedInterval& interval : plan.intervals) {
      const std::string told =
          interval.reason == SizingReason::kOrders
              ? absl::StrCat(interval.forecast > Energy() ? "offer " : "bid ",
                             interval.energy.wh())
              : NameOf(interval.reason);
      if (runs.empty() || runs.back().first != told) {
        runs.emplace_back(told, 0);
      }
      ++runs.back().second;
    }
    std::string all;
    for (const auto& [told, count] : runs) {
      absl::StrAppend(&all, all.empty() ? "" : ", ", count, "x ", told);
    }
    return all;
  }

  CommunitySnapshot snapshot_;
  StandingOrder standing_;
  DayOutlook outlook_;
  absl::Time plan_time_ = absl::FromUnixSeconds(1'783'000'000);
};

TEST_F(PlanDayTest, TellsEachIntervalOfTheLocalDay) {
  const DayPlan plan = Plan();
  EXPECT_EQ(Told(plan), "10x bid 400, 5x offer 900, 9x bid 400");
  EXPECT_EQ(plan.version, 3);
  EXPECT_EQ(plan.plan_time, plan_time_);
  EXPECT_EQ(plan.intervals[0].limit, Price::MicrosPerKwh(250'000));
  EXPECT_EQ(plan.intervals[0].worst_cost, Money::Micros(120'000));
  EXPECT_EQ(plan.intervals[10].worst_cost, Money());
}

TEST_F(PlanDayTest, DaysAreAsLongAsTheyAre) {
  SetDay(absl::CivilDay(2026, 3, 29));
  EXPECT_EQ(Told(Plan()), "9x bid 400, 5x offer 900, 9x bid 400");
  SetDay(absl::CivilDay(2026, 10, 25));
  EXPECT_EQ(Told(Plan()), "11x bid 400, 5x offer 900, 9x bid 400");
}

TEST_F(PlanDayTest, CutsWhatTheDayMayNotCost) {
  standing_.terms.daily_cost_max = Money::Micros(1'290'000);
  const DayPlan plan = Plan();
  EXPECT_EQ(Told(plan), "10x bid 400, 5x offer 900, 1x bid 300, 8x DAILY_COST_REACHED");
}

TEST_F(PlanDayTest, SaysWhyItOrdersNothing) {
  standing_.terms.calendar = "times=12:00-18:00";
  standing_.terms.bid_reserve = Energy::WattHours(400);
  EXPECT_EQ(Told(Plan()), "12x OUTSIDE_CALENDAR, 3x offer 900, 3x WITHIN_RESERVE, "
                          "6x OUTSIDE_CALENDAR");
  outlook_.forecasts.clear();
  EXPECT_EQ(Told(Plan()), "12x OUTSIDE_CALENDAR, 6x FORECAST_MISSING, 6x OUTSIDE_CALENDAR");
  standing_.terms.paused = true;
  EXPECT_EQ(Told(Plan()), "24x PAUSED");
}

TEST_F(PlanDayTest, KeepsTheLimitsThatCountForEachDelivery) {
  LimitsVersion version;
  version.valid_from = outlook_.day.start + absl::Hours(20);
  version.limits.energy_max = Energy::WattHours(150);
  outlook_.limits = {version};
  EXPECT_EQ(Told(Plan()), "10x bid 400, 5x offer 900, 5x bid 400, 4x bid 150");
}

TEST_F(PlanDayTest, HonoursPreferencesOverLinesWithCapacities) {
  standing_.terms.premium = Price::MicrosPerKwh(10'000);
  standing_.terms.bid_preference = "; premium local";
  EXPECT_EQ(Told(Plan()), "10x bid 400, 5x offer 900, 9x bid 400");
  NetworkVersion network;
  network.id = NetworkId("n1");
  network.start = outlook_.day.start + absl::Hours(20);
  network.zones = {ZoneId("north"), ZoneId("south")};
  network.lines.zones = 2;
  clearing::Edge line;
  line.from = 0;
  line.to = 1;
  line.capacity = Energy::WattHours(100);
  network.lines.edges = {line};
  outlook_.networks = {network};
  EXPECT_EQ(Told(Plan()), "10x bid 400, 5x offer 900, 9x bid 400");
}

TEST(DeliveriesOfTest, LieOnTheGrid) {
  CommunityRules rules;
  rules.interval = absl::Minutes(60);
  absl::TimeZone kolkata;
  ASSERT_TRUE(absl::LoadTimeZone("Asia/Kolkata", &kolkata));
  const Interval day = DaySpanOf(absl::CivilDay(2026, 7, 6), kolkata);
  const Interval deliveries = DeliveriesOf(rules, day);
  EXPECT_EQ(deliveries.start, day.start + absl::Minutes(30));
  EXPECT_EQ(deliveries.length(), absl::Hours(24));
}

TEST(PlanTimeTest, IsALocalTime) {
  EXPECT_EQ(PlanTimeOf(absl::CivilDay(2026, 3, 29), 20 * 60, Berlin()),
            absl::FromCivil(absl::CivilHour(2026, 3, 29, 20), Berlin()));
}

// 400 Wh bought and 900 sold at 0.15; the network takes 0.05, the operator 1 %.
class ReportTest : public ::testing::Test {
 protected:
  ReportTest() {
    input_.tariffs.tariffs = {{start_, Price::MicrosPerKwh(320'000), Price::MicrosPerKwh(80'000)}};
    input_.tariffs.operator_share_ppm = 10'000;
  }
  void AddOrder(int interval, Side side, int64_t energy_wh, int64_t filled_wh, OrderState state) {
    input_.orders.push_back({At(interval), OrderId("o"), side, Energy::WattHours(energy_wh),
                             Energy::WattHours(filled_wh), Price::MicrosPerKwh(250'000),
                             Money::Micros(side == Side::kBid ? energy_wh * 300 : 0), state,
                             true});
  }
  void AddTrade(int interval, Side side, int64_t energy_wh) {
    input_.trades.push_back({At(interval), side, Energy::WattHours(energy_wh),
                             Price::MicrosPerKwh(150'000), Price::MicrosPerKwh(50'000)});
  }
  absl::Time At(int interval) const { return start_ + absl::Minutes(15) * interval; }
  Deeds Total() const {
    Deeds total;
    for (const ReportedInterval& interval : MakeReport(input_)) {
      total.Add(interval.deeds);
    }
    return total;
  }

  const absl::Time start_ = absl::FromUnixSeconds(1'800'000'000);
  ReportInput input_;
};

TEST_F(ReportTest, SavesAgainstTheMainGrid) {
  AddOrder(0, Side::kBid, 600, 400, OrderState::kPartiallyFilled);
  AddTrade(0, Side::kBid, 400);
  AddOrder(1, Side::kOffer, 900, 900, OrderState::kFilled);
  AddTrade(1, Side::kOffer, 900);
  const Deeds total = Total();
  EXPECT_EQ(total.ordered_to_buy.wh(), 600);
  EXPECT_EQ(total.ordered_to_sell.wh(), 900);
  EXPECT_EQ(total.bought.wh(), 400);
  EXPECT_EQ(total.sold.wh(), 900);
  EXPECT_EQ(total.paid.micros(), 80'000);
  EXPECT_EQ(total.received.micros(), 135'000 - 1'350);
  EXPECT_EQ(total.saved.micros(), (128'000 - 80'000) + (133'650 - 72'000));
  EXPECT_EQ(total.worst_cost.micros(), 120'000) << "of 600 Wh at 0.30, the 400 that traded";
  EXPECT_EQ(total.without_tariff.wh(), 0);
}

TEST_F(ReportTest, ComparesWithTheTariffOfEachInterval) {
  AddTrade(0, Side::kBid, 1'000);
  AddTrade(1, Side::kBid, 1'000);
  AddTrade(-1, Side::kBid, 1'000);
  input_.tariffs.tariffs.insert(
      input_.tariffs.tariffs.begin(),
      {At(1), Price::MicrosPerKwh(220'000), Price::MicrosPerKwh(80'000)});
  const Deeds total = Total();
  EXPECT_EQ(total.saved.micros(), 120'000 + 20'000);
  EXPECT_EQ(total.without_tariff.wh(), 1'000);
  EXPECT_EQ(total.paid.micros(), 600'000);
}

TEST_F(ReportTest, PutsPlanAndDeedsSideBySide) {
  DayPlan plan;
  plan.day = {At(0), At(2)};
  plan.resolution = absl::Minutes(15);
  plan.intervals = {{SizingReason::kOrders, Energy::WattHours(-500), Energy::WattHours(500),
                     Price::MicrosPerKwh(250'000), Money::Micros(150'000)},
                    {SizingReason::kBalanced, Energy(), Energy(), Price(), Money()}};
  input_.plans = {plan};
  AddOrder(0, Side::kBid, 400, 0, OrderState::kExpired);
  AddOrder(3, Side::kBid, 100, 0, OrderState::kRejected);
  const std::vector<ReportedInterval> report = MakeReport(input_);
  ASSERT_EQ(report.size(), 3u);
  EXPECT_EQ(report[0].start, At(0));
  EXPECT_EQ(report[0].deeds.planned_to_buy.wh(), 500);
  EXPECT_EQ(report[0].deeds.ordered_to_buy.wh(), 400);
  EXPECT_EQ(report[0].deeds.worst_cost, Money());
  EXPECT_EQ(report[1].plan->reason, SizingReason::kBalanced);
  EXPECT_EQ(report[2].start, At(3));
  EXPECT_EQ(report[2].deeds, Deeds()) << "an order that was refused";
}

TEST_F(ReportTest, CountsQuotesByWhatTheyTraded) {
  AddOrder(0, Side::kBid, 400, 100, OrderState::kPartiallyFilled);
  input_.orders.back().is_final = false;
  AddOrder(0, Side::kBid, 400, 0, OrderState::kCancelled);
  input_.orders.back().is_final = false;
  AddOrder(0, Side::kBid, 300, 300, OrderState::kFilled);
  EXPECT_EQ(Total().ordered_to_buy.wh(), 400) << "100 by a quote, 300 at gate closure";
  AddOrder(1, Side::kBid, 400, 0, OrderState::kActive);
  input_.orders.back().is_final = false;
  EXPECT_EQ(Total().ordered_to_buy.wh(), 800) << "a quote that is open";
}

}  // namespace
}  // namespace peerwatt::market
