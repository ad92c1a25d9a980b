#include "tests/property/market/autopilot_faults.h"

#include <algorithm>
#include <random>
#include <vector>

#include "absl/strings/str_cat.h"
#include "services/market/core/autopilot/calendar.h"
#include "services/market/core/autopilot/ramp.h"
#include "services/market/core/autopilot/sizing.h"
#include "tests/unit/market/autopilot_scenarios.h"

namespace peerwatt::market {
namespace {

__extension__ using Wide = __int128;

class Dice {
 public:
  explicit Dice(uint64_t seed) : engine_(seed) {}
  int64_t Between(int64_t min, int64_t max) {
    return std::uniform_int_distribution<int64_t>(min, max)(engine_);
  }
  bool OneIn(int64_t n) { return Between(1, n) == 1; }

 private:
  std::mt19937_64 engine_;
};

Price Micros(int64_t micros) { return Price::MicrosPerKwh(micros); }
Energy Wh(int64_t wh) { return Energy::WattHours(wh); }

StandingOrder RandomOrder(Dice& dice) {
  StandingOrder order;
  AutopilotTerms& terms = order.terms;
  if (!dice.OneIn(10)) {
    order.bid_price = Micros(dice.Between(-50'000, 400'000));
    if (dice.OneIn(2)) {
      terms.bid_start_price = *order.bid_price - Micros(dice.Between(0, 200'000));
    }
  }
  if (!dice.OneIn(10)) {
    order.offer_price = Micros(dice.Between(-200'000, 300'000));
    if (dice.OneIn(2)) {
      terms.offer_start_price = *order.offer_price + Micros(dice.Between(0, 200'000));
    }
  }
  terms.bid_share_ppm = dice.OneIn(3) ? 1'000'000 : dice.Between(0, 1'000'000);
  terms.offer_share_ppm = dice.OneIn(3) ? 1'000'000 : dice.Between(0, 1'000'000);
  terms.bid_reserve = Wh(dice.OneIn(2) ? 0 : dice.Between(0, 300));
  terms.offer_reserve = Wh(dice.OneIn(2) ? 0 : dice.Between(0, 300));
  terms.premium = Micros(dice.OneIn(2) ? 0 : dice.Between(1, 80'000));
  terms.paused = dice.OneIn(20);
  return order;
}

SizingFacts RandomFacts(Dice& dice) {
  SizingFacts facts;
  facts.net = Wh(dice.Between(-900, 900));
  facts.committed = {Wh(dice.OneIn(2) ? 0 : dice.Between(0, 500)),
                     Wh(dice.OneIn(2) ? 0 : dice.Between(0, 500))};
  facts.offered = facts.committed.sold + Wh(dice.OneIn(2) ? 0 : dice.Between(0, 200));
  facts.draw_max = Wh(dice.Between(0, 2'000));
  facts.feed_in_max = Wh(dice.Between(0, 2'000));
  facts.network_fee = Micros(dice.Between(0, 60'000));
  facts.energy_max = Wh(dice.OneIn(3) ? dice.Between(1, 500) : 1'000'000);
  facts.energy_min = Wh(dice.OneIn(3) ? dice.Between(1, 30) : 1);
  facts.price_max = Micros(dice.OneIn(3) ? dice.Between(0, 400'000) : 1'000'000'000);
  if (dice.OneIn(2)) {
    facts.cost_left = Money::Micros(dice.Between(-10'000, 200'000));
  }
  facts.ramp_step = static_cast<int32_t>(dice.Between(0, kRampSteps));
  return facts;
}

// The cost of energy at a limit in units of 1/1000 micro-unit, not below 0.
Wide CostOf(const StandingOrder& order, const Sizing& sizing, const SizingFacts& facts) {
  const Wide unit = sizing.side == Side::kBid
                        ? Wide{sizing.limit.micros_per_kwh()} +
                              order.terms.premium.micros_per_kwh() +
                              facts.network_fee.micros_per_kwh()
                        : -Wide{sizing.limit.micros_per_kwh()};
  return std::max(Wide{0}, unit * sizing.energy.wh());
}

std::string FaultOf(const StandingOrder& order, const SizingFacts& facts, const Sizing& sizing) {
  const AutopilotTerms& terms = order.terms;
  if (sizing.reason != SizingReason::kOrders) {
    return sizing.energy == Energy() ? "" : "energy without an order";
  }
  const bool is_bid = sizing.side == Side::kBid;
  const int64_t expected = is_bid ? -facts.net->wh() : facts.net->wh();
  const int64_t energy = sizing.energy.wh();
  const int64_t reserve = (is_bid ? terms.bid_reserve : terms.offer_reserve).wh();
  const int64_t share = is_bid ? terms.bid_share_ppm : terms.offer_share_ppm;
  const int64_t committed = (is_bid ? facts.committed.bought : facts.committed.sold).wh();
  const std::optional<Price>& end = is_bid ? order.bid_price : order.offer_price;
  const std::optional<Price>& start = is_bid ? terms.bid_start_price : terms.offer_start_price;
  if (terms.paused) {
    return "it rests";
  }
  if (energy < 1 || !end.has_value()) {
    return "an order for nothing";
  }
  if (energy + committed > expected - reserve) {
    return "within the reserve";
  }
  if ((Wide{energy} + committed) * 1'000'000 > Wide{expected - reserve} * share) {
    return "above the share";
  }
  if (is_bid ? energy + committed > facts.draw_max.wh()
             : energy + facts.offered.wh() > facts.feed_in_max.wh()) {
    return "more than the connection carries";
  }
  if (energy > facts.energy_max.wh() || energy < facts.energy_min.wh() ||
      sizing.limit > facts.price_max || sizing.limit < facts.price_min) {
    return "beyond the limits of the community";
  }
  const Price first = start.value_or(*end);
  if (sizing.limit < std::min(first, *end) || sizing.limit > std::max(first, *end) ||
      (facts.ramp_step == kRampSteps && sizing.limit != *end) ||
      (facts.ramp_step == 0 && sizing.limit != first)) {
    return "off the ramp";
  }
  // At most a micro-unit from the line, never on its far side for the owner.
  const Wide line = Wide{first.micros_per_kwh()} * kRampSteps +
                    Wide{(*end - first).micros_per_kwh()} * facts.ramp_step;
  const Wide off = Wide{sizing.limit.micros_per_kwh()} * kRampSteps - line;
  if (is_bid ? off > 0 || off <= -kRampSteps : off < 0 || off >= kRampSteps) {
    return "rounded against the owner";
  }
  const Wide cost = CostOf(order, sizing, facts);
  if (facts.cost_left.has_value() && cost > Wide{1000} * std::max<int64_t>(
                                                            0, facts.cost_left->micros())) {
    return "above what is left of the day's cost";
  }
  if (Wide{sizing.worst_cost.micros()} * 1000 < cost ||
      Wide{sizing.worst_cost.micros()} * 1000 >= cost + 1000) {
    return "another cost";
  }
  return "";
}

// One watt hour more would break something: what is ordered is not less than it could be.
std::string TooLittle(const StandingOrder& order, const SizingFacts& facts, Sizing sizing) {
  if (sizing.reason != SizingReason::kOrders) {
    return "";
  }
  sizing.energy += Wh(1);
  sizing.worst_cost = WorstCost(
      sizing.side, sizing.energy, sizing.limit,
      sizing.side == Side::kBid ? order.terms.premium : Price(), facts.network_fee);
  return FaultOf(order, facts, sizing).empty() ? "less than it could be" : "";
}

std::string Describe(const StandingOrder& order, const SizingFacts& facts, const Sizing& sizing) {
  return absl::StrCat(
      Told(sizing), "; net ", facts.net->wh(), " bought ", facts.committed.bought.wh(), " sold ",
      facts.committed.sold.wh(), " shares ", order.terms.bid_share_ppm, " ",
      order.terms.offer_share_ppm, " reserves ", order.terms.bid_reserve.wh(), " ",
      order.terms.offer_reserve.wh(), " step ", facts.ramp_step);
}

// A day of a bounded standing order: what its orders can still cost.
class BudgetDay {
 public:
  BudgetDay(Dice& dice, const StandingOrder& order) : dice_(dice), order_(order) {}

  // Orders for one delivery, with what is left; then earlier orders may be decided.
  std::string Step(absl::Time start, const AutopilotCalendar& calendar) {
    SizingFacts facts = RandomFacts(dice_);
    facts.delivery_start = start;
    facts.cost_left = *order_.terms.daily_cost_max - CountedCostOf(LocalDayOf(start, Berlin()));
    const Sizing sizing = SizeOrder(order_, calendar, Berlin(), facts);
    if (const std::string fault = FaultOf(order_, facts, sizing); !fault.empty()) {
      return fault;
    }
    placed_.push_back({start, sizing.worst_cost, true});
    if (TrueCostOf(absl::ToCivilDay(start, Berlin())) > *order_.terms.daily_cost_max) {
      return "the day costs more than its bound";
    }
    // An order that is decided keeps the part that was filled.
    for (Placed& placed : placed_) {
      if (placed.is_open && dice_.OneIn(2)) {
        placed.cost = Money::Micros(
            MulDiv(placed.cost.micros(), dice_.Between(0, 1000), 1000, Rounding::kUp));
        placed.is_open = false;
      }
    }
    return "";
  }

 private:
  struct Placed {
    absl::Time start;
    Money cost;
    bool is_open = true;
  };
  // As the service counts.
  Money CountedCostOf(absl::CivilDay day) const {
    Money sum;
    for (const Placed& placed : placed_) {
      sum += LocalDayOf(placed.start, Berlin()) == day ? placed.cost : Money();
    }
    return sum;
  }
  Money TrueCostOf(absl::CivilDay day) const {
    Money sum;
    for (const Placed& placed : placed_) {
      sum += absl::ToCivilDay(placed.start, Berlin()) == day ? placed.cost : Money();
    }
    return sum;
  }

  Dice& dice_;
  const StandingOrder& order_;
  std::vector<Placed> placed_;
};

AutopilotCalendar RandomCalendar(Dice& dice, absl::CivilDay around) {
  AutopilotCalendar calendar;
  if (dice.OneIn(2)) {
    calendar.weekdays = static_cast<uint32_t>(dice.Between(1, 127));
  }
  for (int64_t i = dice.Between(0, 2); i > 0; --i) {
    const auto start = static_cast<int32_t>(dice.Between(0, 95) * 15);
    auto end = static_cast<int32_t>(dice.Between(1, 96) * 15);
    if (end == start) {
      end = end == 1440 ? 15 : end + 15;
    }
    calendar.windows.push_back({start, end});
  }
  for (int64_t i = dice.Between(0, 2); i > 0; --i) {
    calendar.exceptions.push_back(around + dice.Between(-2, 2));
  }
  return calendar;
}

// Whether an instant lies in a calendar: minute by minute of local clocks, from every window of the
// day and of the day before.
bool NaiveIsIn(const AutopilotCalendar& calendar, absl::Time at) {
  const absl::CivilMinute local = absl::ToCivilMinute(at, Berlin());
  const absl::CivilDay today(local);
  std::vector<DayWindow> windows = calendar.windows;
  if (windows.empty()) {
    windows.push_back({0, 1440});
  }
  for (const absl::CivilDay day : {today, today - 1}) {
    const int weekday = static_cast<int>(absl::GetWeekday(day));
    const bool counts =
        (calendar.weekdays == 0 || (calendar.weekdays & (1u << weekday)) != 0) &&
        std::count(calendar.exceptions.begin(), calendar.exceptions.end(), day) == 0;
    for (const DayWindow& window : windows) {
      const absl::CivilMinute begin = absl::CivilMinute(day) + window.start_minute;
      const absl::CivilMinute end = absl::CivilMinute(window.end_minute < window.start_minute
                                                          ? day + 1
                                                          : day) +
                                    window.end_minute;
      if (counts && begin <= local && local < end) {
        return true;
      }
    }
  }
  return false;
}

}  // namespace

std::string FirstSizingFault(uint64_t seed, int count) {
  Dice dice(seed);
  for (int i = 0; i < count; ++i) {
    const StandingOrder order = RandomOrder(dice);
    const SizingFacts facts = RandomFacts(dice);
    const Sizing sizing = SizeOrder(order, {}, Berlin(), facts);
    std::string fault = FaultOf(order, facts, sizing);
    if (fault.empty()) {
      fault = TooLittle(order, facts, sizing);
    }
    if (!fault.empty()) {
      return absl::StrCat(fault, ": ", Describe(order, facts, sizing));
    }
  }
  return "";
}

std::string FirstBudgetFault(uint64_t seed, int count) {
  Dice dice(seed);
  for (int i = 0; i < count; ++i) {
    StandingOrder order = RandomOrder(dice);
    order.terms.daily_cost_max = Money::Micros(dice.Between(0, 2'000'000));
    BudgetDay day(dice, order);
    // From the evening before a change of the clocks.
    const absl::CivilDay first = dice.OneIn(2) ? absl::CivilDay(2026, 3, 28)
                                               : absl::CivilDay(2026, 10, 24);
    const absl::Time begin = absl::FromCivil(first, Berlin()) + absl::Hours(20);
    for (int interval = 0; interval < 140; ++interval) {
      const std::string fault = day.Step(begin + absl::Minutes(15) * interval, {});
      if (!fault.empty()) {
        return absl::StrCat(fault, ", interval ", interval);
      }
    }
  }
  return "";
}

std::string FirstCalendarFault(uint64_t seed, int count) {
  Dice dice(seed);
  for (int i = 0; i < count; ++i) {
    const absl::CivilDay day = absl::CivilDay(2026, dice.OneIn(2) ? 3 : 10,
                                              static_cast<int>(dice.Between(22, 31)));
    const AutopilotCalendar calendar = RandomCalendar(dice, day);
    const absl::StatusOr<AutopilotCalendar> read = ParseCalendar(FormatCalendar(calendar));
    for (int j = 0; j < 20; ++j) {
      const absl::Time at =
          absl::FromCivil(day, Berlin()) + absl::Minutes(15) * dice.Between(0, 99);
      if (!read.ok() || IsInCalendar(*read, at, Berlin()) != NaiveIsIn(calendar, at)) {
        return absl::StrCat(FormatCalendar(calendar), " at ",
                            absl::FormatTime(at, Berlin()));
      }
    }
  }
  return "";
}

}  // namespace peerwatt::market
