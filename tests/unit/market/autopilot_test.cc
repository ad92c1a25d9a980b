#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "libs/base/error.h"
#include "services/market/core/autopilot/calendar.h"
#include "services/market/core/autopilot/ramp.h"
#include "services/market/core/autopilot/sizing.h"
#include "services/market/core/order_rules.h"
#include "tests/unit/market/autopilot_scenarios.h"

namespace peerwatt::market {
namespace {

TEST(SizingTest, OrdersAsTheScenariosTell) {
  for (const SizingScenario& scenario : SizingScenarios()) {
    EXPECT_EQ(Told(scenario), scenario.orders) << scenario.name << ": " << scenario.story;
  }
}

TEST(SizingTest, TheScenariosMeetEveryReason) {
  for (int reason = 1; reason < kSizingReasons; ++reason) {
    bool is_met = false;
    for (const SizingScenario& scenario : SizingScenarios()) {
      is_met = is_met || scenario.orders == std::string(NameOf(static_cast<SizingReason>(reason)));
    }
    EXPECT_TRUE(is_met) << NameOf(static_cast<SizingReason>(reason));
  }
}

TEST(SizingTest, WorstCostIsTheHoldOfTheOrder) {
  for (const int64_t limit : {-300'001, -1, 0, 1, 299'999}) {
    for (const Side side : {Side::kBid, Side::kOffer}) {
      Order order;
      order.side = side;
      order.energy = Energy::WattHours(333);
      order.limit = Price::MicrosPerKwh(limit);
      order.premium = Price::MicrosPerKwh(side == Side::kBid ? 12'345 : 0);
      const Price fee = Price::MicrosPerKwh(54'321);
      EXPECT_EQ(WorstCost(side, order.energy, order.limit, order.premium, fee),
                HoldFor(order, fee));
    }
  }
}

// The local times of deliveries of a day in Berlin that lie in a calendar, as `HH:MM`.
std::vector<std::string> TimesIn(const std::string& calendar, absl::CivilDay day) {
  const Interval span = DaySpanOf(day, Berlin());
  std::vector<std::string> times;
  for (absl::Time at = span.start; at < span.end; at += absl::Minutes(30)) {
    if (IsInCalendar(*ParseCalendar(calendar), at, Berlin())) {
      times.push_back(absl::FormatTime("%H:%M%Ez", at, Berlin()));
    }
  }
  return times;
}

TEST(CalendarTest, TheDayTheClocksGoForwardLeavesAnHourOut) {
  const absl::CivilDay day(2026, 3, 29);
  EXPECT_EQ(DaySpanOf(day, Berlin()).length(), absl::Hours(23));
  EXPECT_EQ(TimesIn("", day).size(), 46u);
  EXPECT_EQ(TimesIn("times=02:00-03:00", day), std::vector<std::string>{});
  EXPECT_EQ(TimesIn("times=01:30-03:30", day),
            (std::vector<std::string>{"01:30+01:00", "03:00+02:00"}));
  EXPECT_EQ(TimesIn("times=23:00-02:30", day).size(), 6u) << "00:00 to 01:30, 23:00, 23:30";
}

TEST(CalendarTest, TheDayTheClocksGoBackHasAnHourTwice) {
  const absl::CivilDay day(2026, 10, 25);
  EXPECT_EQ(DaySpanOf(day, Berlin()).length(), absl::Hours(25));
  EXPECT_EQ(TimesIn("", day).size(), 50u);
  EXPECT_EQ(TimesIn("times=02:00-03:00", day),
            (std::vector<std::string>{"02:00+02:00", "02:30+02:00", "02:00+01:00",
                                      "02:30+01:00"}));
  EXPECT_EQ(TimesIn("days=7 except=2026-10-25", day).size(), 0u);
  EXPECT_EQ(TimesIn("days=7", day).size(), 50u) << "a Sunday of 25 hours";
  EXPECT_EQ(TimesIn("zone=UTC times=01:00-02:00", day),
            (std::vector<std::string>{"02:00+01:00", "02:30+01:00"}));
}

TEST(CalendarTest, HasOneText) {
  for (const char* text :
       {"", "days=1,7", "times=08:00-20:00,22:00-06:00", "except=2026-12-24,2026-12-25",
        "days=1 times=00:00-24:00 except=2026-02-28 zone=Europe/Berlin"}) {
    const absl::StatusOr<AutopilotCalendar> calendar = ParseCalendar(text);
    ASSERT_TRUE(calendar.ok()) << text << calendar.status();
    EXPECT_EQ(FormatCalendar(*calendar), text);
  }
  EXPECT_EQ(FormatCalendar(*ParseCalendar("times=22:00-06:00,08:00-09:00,08:00-09:00 days=7,1")),
            "days=1,7 times=08:00-09:00,22:00-06:00");
}

TEST(CalendarTest, RefusesWhatCannotBe) {
  for (const char* text :
       {"days=0", "days=8", "days=", "days=x", "times=08:00", "times=8:00-9:00",
        "times=08:00-24:01", "times=08:60-09:00", "times=08:00-08:00", "times=24:00-06:00",
        "except=2026-02-30", "except=24.12.2026", "zone=Berlin", "zone=localtime",
        "zone=/etc/localtime", "zone=../Berlin", "hours=8"}) {
    EXPECT_EQ(ReasonOf(ParseCalendar(text).status()), "CALENDAR_INVALID") << text;
  }
  std::string many = "times=00:00-00:01";
  for (int i = 0; i < 16; ++i) {
    many += ",00:00-00:01";
  }
  EXPECT_EQ(ReasonOf(ParseCalendar(many).status()), "CALENDAR_INVALID");
}

TEST(RampTest, HasAStepPerEighthOfTheOpenWindow) {
  const absl::Time open = absl::FromUnixSeconds(1'800'000'000);
  const Interval window = {open, open + absl::Hours(23)};
  const absl::Duration step = absl::Hours(23) / 8;
  EXPECT_EQ(RampStepAt(window, open - absl::Microseconds(1)), -1);
  EXPECT_EQ(RampStepAt(window, open), 0);
  for (int i = 1; i <= kRampSteps; ++i) {
    EXPECT_EQ(RampStepStart(window, i), open + step * i);
    EXPECT_EQ(RampStepAt(window, open + step * i - absl::Microseconds(1)), i - 1);
    EXPECT_EQ(RampStepAt(window, open + step * i), i);
  }
  EXPECT_EQ(RampStepAt(window, window.end + absl::Hours(1)), kRampSteps);
}

TEST(TermsTest, AreCheckedInOrder) {
  struct Case {
    const char* name;
    void (*apply)(StandingOrder&);
    const char* reason;
  };
  const auto micros = [](int64_t m) { return Price::MicrosPerKwh(m); };
  static const auto price = micros;
  const Case cases[] = {
      {"valid", [](StandingOrder&) {}, ""},
      {"all of it", [](StandingOrder& o) { o.terms.offer_share_ppm = 1'000'000; }, ""},
      {"none of it", [](StandingOrder& o) { o.terms.bid_share_ppm = 0; }, ""},
      {"more than all", [](StandingOrder& o) { o.terms.offer_share_ppm = 1'000'001; },
       "TERMS_INVALID"},
      {"less than none", [](StandingOrder& o) { o.terms.bid_share_ppm = -1; }, "TERMS_INVALID"},
      {"reserve", [](StandingOrder& o) { o.terms.offer_reserve = Energy::WattHours(-1); },
       "TERMS_INVALID"},
      {"reserve too large",
       [](StandingOrder& o) { o.terms.bid_reserve = kEnergyMax + Energy::WattHours(1); },
       "TERMS_INVALID"},
      {"ramp without end",
       [](StandingOrder& o) {
         o.offer_price.reset();
         o.terms.offer_start_price = price(1);
       },
       "TERMS_INVALID"},
      {"bid that falls", [](StandingOrder& o) { o.terms.bid_start_price = price(300'001); },
       "TERMS_INVALID"},
      {"bid that stays", [](StandingOrder& o) { o.terms.bid_start_price = price(300'000); }, ""},
      {"offer that rises", [](StandingOrder& o) { o.terms.offer_start_price = price(79'999); },
       "TERMS_INVALID"},
      {"no cost", [](StandingOrder& o) { o.terms.daily_cost_max = Money(); }, ""},
      {"less than no cost", [](StandingOrder& o) { o.terms.daily_cost_max = Money::Micros(-1); },
       "TERMS_INVALID"},
      {"calendar", [](StandingOrder& o) { o.terms.calendar = "days=9"; }, "CALENDAR_INVALID"},
      {"terms come first",
       [](StandingOrder& o) {
         o.terms.calendar = "days=9";
         o.terms.bid_share_ppm = -1;
       },
       "TERMS_INVALID"},
  };
  for (const Case& one : cases) {
    StandingOrder order;
    order.bid_price = price(300'000);
    order.offer_price = price(80'000);
    one.apply(order);
    EXPECT_EQ(ReasonOf(CheckTerms(order)), one.reason) << one.name;
  }
}

}  // namespace
}  // namespace peerwatt::market
