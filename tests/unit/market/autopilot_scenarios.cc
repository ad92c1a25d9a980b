#include "tests/unit/market/autopilot_scenarios.h"

#include <array>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/civil_time.h"
#include "libs/base/check.h"
#include "services/market/core/autopilot/ramp.h"

namespace peerwatt::market {
namespace {

Price PriceOf(absl::string_view text) {
  const absl::StatusOr<int64_t> micros = ParseMicros(text);
  PW_CHECK(micros.ok(), "a price");
  return Price::MicrosPerKwh(*micros);
}

int64_t NumberOf(absl::string_view text) {
  int64_t number = 0;
  PW_CHECK(absl::SimpleAtoi(text, &number), "a number");
  return number;
}

Energy EnergyOf(absl::string_view text) { return Energy::WattHours(NumberOf(text)); }

std::pair<absl::string_view, absl::string_view> EndsOf(absl::string_view text) {
  return absl::StrSplit(text, absl::MaxSplits("..", 1));
}

void ReadSide(absl::string_view words, std::optional<Price>& price, std::optional<Price>& start,
              int64_t& share_ppm, Energy& reserve) {
  if (absl::ConsumePrefix(&words, "share ")) {
    PW_CHECK(absl::ConsumeSuffix(&words, "%"), "a share in percent");
    share_ppm = PriceOf(words).micros_per_kwh() / 100;
  } else if (absl::ConsumePrefix(&words, "reserve ")) {
    reserve = EnergyOf(words);
  } else if (absl::StrContains(words, "..")) {
    const auto [first, last] = EndsOf(words);
    start = PriceOf(first);
    price = PriceOf(last);
  } else {
    price = PriceOf(words);
  }
}

bool ReadTerms(absl::string_view words, SizingCase& read) {
  StandingOrder& order = read.order;
  AutopilotTerms& terms = order.terms;
  if (absl::ConsumePrefix(&words, "bid ")) {
    ReadSide(words, order.bid_price, terms.bid_start_price, terms.bid_share_ppm,
             terms.bid_reserve);
  } else if (absl::ConsumePrefix(&words, "offer ")) {
    ReadSide(words, order.offer_price, terms.offer_start_price, terms.offer_share_ppm,
             terms.offer_reserve);
  } else if (absl::ConsumePrefix(&words, "premium ")) {
    terms.premium = PriceOf(words);
  } else if (absl::ConsumePrefix(&words, "calendar ")) {
    const absl::StatusOr<AutopilotCalendar> calendar = ParseCalendar(words);
    PW_CHECK(calendar.ok(), "a calendar");
    read.calendar = *calendar;
  } else if (words == "paused") {
    terms.paused = true;
  } else {
    return false;
  }
  return true;
}

bool ReadAmounts(absl::string_view words, SizingFacts& facts) {
  const std::array<std::pair<const char*, Energy*>, 5> amounts = {
      {{"bought ", &facts.committed.bought},
       {"sold ", &facts.committed.sold},
       {"offered ", &facts.offered},
       {"draws ", &facts.draw_max},
       {"feeds ", &facts.feed_in_max}}};
  for (const auto& [prefix, amount] : amounts) {
    if (absl::ConsumePrefix(&words, prefix)) {
      *amount = EnergyOf(words);
      return true;
    }
  }
  return false;
}

void ReadFacts(absl::string_view words, SizingFacts& facts) {
  if (ReadAmounts(words, facts)) {
    return;
  }
  if (absl::ConsumePrefix(&words, "surplus ")) {
    facts.net = EnergyOf(words);
  } else if (absl::ConsumePrefix(&words, "shortfall ")) {
    facts.net = -EnergyOf(words);
  } else if (words == "no forecast") {
    facts.net.reset();
  } else if (absl::ConsumePrefix(&words, "at ")) {
    absl::CivilMinute local;
    PW_CHECK(absl::ParseCivilTime(words, &local), "a local time");
    facts.delivery_start = absl::FromCivil(local, Berlin());
  } else if (absl::ConsumePrefix(&words, "step ")) {
    facts.ramp_step = static_cast<int32_t>(NumberOf(words));
  } else if (absl::ConsumePrefix(&words, "fee ")) {
    facts.network_fee = PriceOf(words);
  } else if (absl::ConsumePrefix(&words, "left ")) {
    facts.cost_left = Money::Micros(PriceOf(words).micros_per_kwh());
  } else if (absl::ConsumePrefix(&words, "prices ")) {
    const auto [first, last] = EndsOf(words);
    facts.price_min = PriceOf(first);
    facts.price_max = PriceOf(last);
  } else if (absl::ConsumePrefix(&words, "sizes ")) {
    const auto [first, last] = EndsOf(words);
    facts.energy_min = EnergyOf(first);
    facts.energy_max = EnergyOf(last);
  } else {
    PW_CHECK(words == "preference unclear", "a story that can be read");
    facts.bid_preference_is_clear = false;
    facts.offer_preference_is_clear = false;
  }
}

// Side and price.
std::vector<SizingScenario> SideScenarios() {
  return {
    {"a shortfall is bid for", "bid 0.30; shortfall 400", "bid 400 at 0.30 costs 0.12"},
    {"the network fee is part of the cost", "bid 0.30; shortfall 400; fee 0.05",
     "bid 400 at 0.30 costs 0.14"},
    {"a surplus is offered", "offer 0.08; surplus 400", "offer 400 at 0.08 costs 0.00"},
    {"an offer below zero costs", "offer -0.05; surplus 400", "offer 400 at -0.05 costs 0.02"},
    {"nothing is expected", "bid 0.30; offer 0.08", "BALANCED"},
    {"a side without a price", "offer 0.08; shortfall 400", "SIDE_NOT_WANTED"},
    {"the other side without a price", "bid 0.30; surplus 400", "SIDE_NOT_WANTED"},
    {"too little is known", "bid 0.30; no forecast", "FORECAST_MISSING"},
    {"it rests", "bid 0.30; shortfall 400; paused", "PAUSED"},
    {"a price that is too high", "bid 0.30; shortfall 400; prices 0.00..0.299999",
     "PRICE_REFUSED"},
    {"a price just allowed", "bid 0.30; shortfall 400; prices 0.30..0.30",
     "bid 400 at 0.30 costs 0.12"},
    {"a price that is too low", "offer 0.08; surplus 400; prices 0.080001..1.00",
     "PRICE_REFUSED"},
    {"a preference that cannot be honoured", "bid 0.30; shortfall 400; preference unclear",
     "PREFERENCE_REFUSED"},
  };
}

// Reserve.
std::vector<SizingScenario> ReserveScenarios() {
  return {
    {"the reserve is kept back", "offer 0.08; surplus 400; offer reserve 150",
     "offer 250 at 0.08 costs 0.00"},
    {"a reserve that takes it all", "offer 0.08; surplus 400; offer reserve 400",
     "WITHIN_RESERVE"},
    {"a reserve that leaves one watt hour", "offer 0.08; surplus 400; offer reserve 399",
     "offer 1 at 0.08 costs 0.00"},
    {"the reserve of bids", "bid 0.30; shortfall 400; bid reserve 100",
     "bid 300 at 0.30 costs 0.09"},
    {"the reserve of offers does not touch bids", "bid 0.30; shortfall 400; offer reserve 100",
     "bid 400 at 0.30 costs 0.12"},
  };
}

// Share.
std::vector<SizingScenario> ShareScenarios() {
  return {
    {"half of the surplus", "offer 0.08; surplus 401; offer share 50%",
     "offer 200 at 0.08 costs 0.00"},
    {"a share of what the reserve leaves",
     "offer 0.08; surplus 500; offer share 50%; offer reserve 100",
     "offer 200 at 0.08 costs 0.00"},
    {"a share that leaves nothing", "offer 0.08; surplus 1; offer share 99.9999%",
     "WITHIN_RESERVE"},
    {"a share of nothing", "offer 0.08; surplus 400; offer share 0%", "WITHIN_RESERVE"},
    {"the share of offers does not touch bids", "bid 0.30; shortfall 400; offer share 50%",
     "bid 400 at 0.30 costs 0.12"},
  };
}

// What the owner has already.
std::vector<SizingScenario> CommittedScenarios() {
  return {
    {"it fills up what was sold by hand", "offer 0.08; surplus 400; sold 150; offered 150",
     "offer 250 at 0.08 costs 0.00"},
    {"what was sold counts for the share", "offer 0.08; surplus 400; offer share 50%; sold 150",
     "offer 50 at 0.08 costs 0.00"},
    {"as much was sold already", "offer 0.08; surplus 400; sold 400", "COMMITTED"},
    {"more was bought already", "bid 0.30; shortfall 400; bought 500", "COMMITTED"},
    {"the other side does not count", "bid 0.30; shortfall 400; sold 300",
     "bid 400 at 0.30 costs 0.12"},
  };
}

// What the connection carries, and how large orders may be.
std::vector<SizingScenario> CapacityScenarios() {
  return {
    {"the connection feeds in no more", "offer 0.08; surplus 2000; feeds 1000; offered 300",
     "offer 700 at 0.08 costs 0.00"},
    {"the connection is full", "offer 0.08; surplus 2000; feeds 1000; offered 1000",
     "CONNECTION_FULL"},
    {"the connection draws no more", "bid 0.30; shortfall 4000; draws 2000",
     "bid 2000 at 0.30 costs 0.60"},
    {"the largest order", "bid 0.30; shortfall 400; sizes 1..250", "bid 250 at 0.30 costs 0.075"},
    {"below the smallest order", "bid 0.30; shortfall 400; sizes 401..500",
     "BELOW_ORDER_MINIMUM"},
  };
}

// The cost of a day.
std::vector<SizingScenario> CostScenarios() {
  return {
    {"the order is cut to what is left", "bid 0.30; fee 0.05; shortfall 400; left 0.07",
     "bid 200 at 0.30 costs 0.07"},
    {"what is left is enough", "bid 0.30; fee 0.05; shortfall 400; left 0.14",
     "bid 400 at 0.30 costs 0.14"},
    {"a millionth too little", "bid 0.30; fee 0.05; shortfall 400; left 0.139999",
     "bid 399 at 0.30 costs 0.13965"},
    {"the premium is part of the cost", "bid 0.30; premium 0.05; shortfall 400; left 0.07",
     "bid 200 at 0.30 costs 0.07"},
    {"less is left than a watt hour costs", "bid 0.30; shortfall 400; left 0.000299",
     "DAILY_COST_REACHED"},
    {"nothing is left", "bid 0.30; shortfall 400; left 0.00", "DAILY_COST_REACHED"},
    {"more is spent than the bound allows now", "bid 0.30; shortfall 400; left -0.50",
     "DAILY_COST_REACHED"},
    {"an offer above zero costs nothing", "offer 0.08; surplus 400; left 0.00",
     "offer 400 at 0.08 costs 0.00"},
    {"an offer below zero is cut", "offer -0.05; surplus 400; left 0.01",
     "offer 200 at -0.05 costs 0.01"},
    {"what is left buys less than the smallest order",
     "bid 0.30; shortfall 400; left 0.03; sizes 101..500", "BELOW_ORDER_MINIMUM"},
  };
}

// The ramp.
std::vector<SizingScenario> RampScenarios() {
  return {
    {"a bid begins low", "bid 0.10..0.30; shortfall 400; step 0", "bid 400 at 0.10 costs 0.04"},
    {"it rises", "bid 0.10..0.30; shortfall 400; step 4", "bid 400 at 0.20 costs 0.08"},
    {"it ends at its price", "bid 0.10..0.30; shortfall 400; step 8",
     "bid 400 at 0.30 costs 0.12"},
    {"an offer begins high", "offer 0.24..0.08; surplus 400; step 0",
     "offer 400 at 0.24 costs 0.00"},
    {"it falls", "offer 0.24..0.08; surplus 400; step 6", "offer 400 at 0.12 costs 0.00"},
    {"a bid is rounded down", "bid 0.10..0.100007; shortfall 1000; step 4",
     "bid 1000 at 0.100003 costs 0.100003"},
    {"an offer is rounded up", "offer 0.100007..0.10; surplus 1000; step 4",
     "offer 1000 at 0.100004 costs 0.00"},
    {"the limits of the community count at each step",
     "bid 0.10..0.30; shortfall 400; step 4; prices 0.00..0.199999", "PRICE_REFUSED"},
  };
}

// The calendar; 6 July 2026 is a Monday.
std::vector<SizingScenario> CalendarScenarios() {
  return {
    {"a weekday", "bid 0.30; shortfall 400; calendar days=1,2; at 2026-07-06T00:00",
     "bid 400 at 0.30 costs 0.12"},
    {"another weekday", "bid 0.30; shortfall 400; calendar days=1,2; at 2026-07-08T00:00",
     "OUTSIDE_CALENDAR"},
    {"Monday begins at local midnight",
     "bid 0.30; shortfall 400; calendar days=1; at 2026-07-07T00:00", "OUTSIDE_CALENDAR"},
    {"a window begins", "bid 0.30; shortfall 400; calendar times=08:00-20:00; "
     "at 2026-07-06T08:00", "bid 400 at 0.30 costs 0.12"},
    {"a window has not begun", "bid 0.30; shortfall 400; calendar times=08:00-20:00; "
     "at 2026-07-06T07:45", "OUTSIDE_CALENDAR"},
    {"a window has ended", "bid 0.30; shortfall 400; calendar times=08:00-20:00; "
     "at 2026-07-06T20:00", "OUTSIDE_CALENDAR"},
    {"the night of Monday", "bid 0.30; shortfall 400; calendar days=1 times=22:00-06:00; "
     "at 2026-07-07T05:45", "bid 400 at 0.30 costs 0.12"},
    {"the night before Monday", "bid 0.30; shortfall 400; calendar days=1 times=22:00-06:00; "
     "at 2026-07-06T05:45", "OUTSIDE_CALENDAR"},
    {"the end of the night", "bid 0.30; shortfall 400; calendar days=1 times=22:00-06:00; "
     "at 2026-07-07T06:00", "OUTSIDE_CALENDAR"},
    {"an exception", "bid 0.30; shortfall 400; calendar except=2026-07-06; "
     "at 2026-07-06T23:45", "OUTSIDE_CALENDAR"},
    {"the day after it", "bid 0.30; shortfall 400; calendar except=2026-07-06; "
     "at 2026-07-07T00:00", "bid 400 at 0.30 costs 0.12"},
    {"another time zone", "bid 0.30; shortfall 400; calendar times=08:00-09:00 "
     "zone=Europe/London; at 2026-07-06T09:00", "bid 400 at 0.30 costs 0.12"},
  };
}

// Which reason comes first.
std::vector<SizingScenario> PrecedenceScenarios() {
  return {
    {"resting comes before the calendar",
     "bid 0.30; shortfall 400; paused; calendar except=2026-07-06; at 2026-07-06T12:00",
     "PAUSED"},
    {"the calendar comes before the forecast",
     "bid 0.30; no forecast; calendar except=2026-07-06; at 2026-07-06T12:00",
     "OUTSIDE_CALENDAR"},
    {"the reserve comes before what is committed",
     "offer 0.08; surplus 400; offer reserve 400; sold 400; left 0.00", "WITHIN_RESERVE"},
  };
}

}  // namespace

absl::TimeZone Berlin() {
  absl::TimeZone zone;
  PW_CHECK(absl::LoadTimeZone("Europe/Berlin", &zone), "the zone database is missing");
  return zone;
}

SizingCase SizingCaseOf(const std::string& story) {
  SizingCase read;
  read.facts.net = Energy();
  read.facts.draw_max = Energy::WattHours(100'000);
  read.facts.feed_in_max = Energy::WattHours(100'000);
  read.facts.ramp_step = kRampSteps;
  for (absl::string_view words : absl::StrSplit(story, ';')) {
    words = absl::StripAsciiWhitespace(words);
    if (!ReadTerms(words, read)) {
      ReadFacts(words, read.facts);
    }
  }
  return read;
}

const char* NameOf(SizingReason reason) {
  static constexpr std::array<const char*, kSizingReasons> kNames = {
      "ORDERS",         "PAUSED",        "OUTSIDE_CALENDAR",   "FORECAST_MISSING",
      "BALANCED",       "SIDE_NOT_WANTED", "PRICE_REFUSED",    "PREFERENCE_REFUSED",
      "WITHIN_RESERVE", "COMMITTED",     "CONNECTION_FULL",    "DAILY_COST_REACHED",
      "BELOW_ORDER_MINIMUM"};
  return kNames.at(static_cast<size_t>(reason));
}

std::string Told(const Sizing& sizing) {
  if (sizing.reason != SizingReason::kOrders) {
    return NameOf(sizing.reason);
  }
  return absl::StrCat(sizing.side == Side::kBid ? "bid " : "offer ", sizing.energy.wh(), " at ",
                      FormatMicros(sizing.limit.micros_per_kwh()), " costs ",
                      FormatMicros(sizing.worst_cost.micros()));
}

std::string Told(const SizingScenario& scenario) {
  const SizingCase read = SizingCaseOf(scenario.story);
  return Told(SizeOrder(read.order, read.calendar, Berlin(), read.facts));
}

const std::vector<SizingScenario>& SizingScenarios() {
  static const auto* const scenarios = [] {
    auto* const all = new std::vector<SizingScenario>();
    for (const auto& group :
         {SideScenarios(), ReserveScenarios(), ShareScenarios(), CommittedScenarios(),
          CapacityScenarios(), CostScenarios(), RampScenarios(), CalendarScenarios(),
          PrecedenceScenarios()}) {
      all->insert(all->end(), group.begin(), group.end());
    }
    return all;
  }();
  return *scenarios;
}

}  // namespace peerwatt::market
