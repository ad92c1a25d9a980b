#include "services/market/core/autopilot/sizing.h"

#include <algorithm>

#include "libs/base/status_macros.h"
#include "services/market/core/autopilot/errors.h"
#include "services/market/core/autopilot/mutant.h"
#include "services/market/core/autopilot/ramp.h"

namespace peerwatt::market {
namespace {

constexpr int64_t kMillion = 1'000'000;

// What one side of a standing order may do.
struct SideTerms {
  Side side;
  const std::optional<Price>& price;
  const std::optional<Price>& start_price;
  int64_t share_ppm;
  Energy reserve;
  Price premium;
  bool preference_is_clear;
};

SideTerms TermsOf(Side side, const StandingOrder& order, const SizingFacts& facts) {
  const AutopilotTerms& terms = order.terms;
  const bool is_bid = side == Side::kBid;
  const bool reserve_of_bids = is_bid != PW_AUTOPILOT_MUTANT(kReserveOfTheOtherSide, true, false);
  return {side,
          is_bid ? order.bid_price : order.offer_price,
          is_bid ? terms.bid_start_price : terms.offer_start_price,
          is_bid ? terms.bid_share_ppm : terms.offer_share_ppm,
          reserve_of_bids ? terms.bid_reserve : terms.offer_reserve,
          is_bid ? terms.premium : Price(),
          is_bid ? facts.bid_preference_is_clear : facts.offer_preference_is_clear};
}

// The part of what is expected that the owner wants to trade.
Energy Wanted(Energy expected, const SideTerms& terms) {
  const Energy reserve = PW_AUTOPILOT_MUTANT(kReserveIsIgnored, Energy(), terms.reserve);
  const Rounding rounding =
      PW_AUTOPILOT_MUTANT(kShareIsRoundedUp, Rounding::kUp, Rounding::kDown);
  const auto share_of = [&](Energy energy) {
    return Energy::WattHours(MulDiv(energy.wh(), terms.share_ppm, kMillion, rounding));
  };
  if (expected <= reserve) {
    return Energy();
  }
  return PW_AUTOPILOT_MUTANT(kShareBeforeReserve,
                             std::max(Energy(), share_of(expected) - reserve),
                             share_of(expected - reserve));
}

// What the connection carries besides what is ordered already.
Energy Room(Side side, const SizingFacts& facts) {
  return side == Side::kBid
             ? facts.draw_max - facts.committed.bought
             : facts.feed_in_max -
                   PW_AUTOPILOT_MUTANT(kCapacityIgnoresOffers, Energy(), facts.offered);
}

// What a Wh costs at worst, in micro-units per kWh.
Price UnitCost(Side side, Price limit, Price premium, Price network_fee) {
  return side == Side::kBid
             ? limit + PW_AUTOPILOT_MUTANT(kBudgetForgetsThePremium, Price(), premium) +
                   PW_AUTOPILOT_MUTANT(kBudgetForgetsTheFee, Price(), network_fee)
             : PW_AUTOPILOT_MUTANT(kBudgetOnlyForBids, Price(), Price() - limit);
}

// The most energy that costs at most `left`.
Energy Affordable(Energy energy, Price unit, Money left) {
  if (unit <= Price() || AmountOf(energy, unit, Rounding::kUp) <= left) {
    return energy;
  }
  if (left <= Money()) {
    return Energy();
  }
  const Rounding rounding = PW_AUTOPILOT_MUTANT(kBudgetIsRoundedUp, Rounding::kUp, Rounding::kDown);
  return Energy::WattHours(MulDiv(left.micros(), 1000, unit.micros_per_kwh(), rounding));
}

// The first reason why nothing can be ordered, whatever the energy.
SizingReason Obstacle(const SideTerms& terms, const SizingFacts& facts) {
  if (!terms.price.has_value()) {
    return SizingReason::kSideNotWanted;
  }
  const Price limit = RampPrice(terms.side, terms.start_price, *terms.price, facts.ramp_step);
  const bool is_allowed = limit >= facts.price_min && limit <= facts.price_max;
  if (!PW_AUTOPILOT_MUTANT(kLimitsAreIgnored, true, is_allowed)) {
    return SizingReason::kPriceRefused;
  }
  return terms.preference_is_clear ? SizingReason::kOrders : SizingReason::kPreferenceRefused;
}

void SizeSide(Energy expected, const SideTerms& terms, const SizingFacts& facts, Sizing& sizing) {
  const auto refuse = [&](SizingReason reason) {
    sizing.reason = reason;
    sizing.energy = Energy();
  };
  sizing.limit = RampPrice(terms.side, terms.start_price, *terms.price, facts.ramp_step);
  sizing.energy = Wanted(expected, terms);
  if (sizing.energy == Energy()) {
    return refuse(SizingReason::kWithinReserve);
  }
  const bool counts_bought =
      (terms.side == Side::kBid) != PW_AUTOPILOT_MUTANT(kCommittedOfTheOtherSide, true, false);
  const Energy committed = counts_bought ? facts.committed.bought : facts.committed.sold;
  sizing.energy -= PW_AUTOPILOT_MUTANT(kCommittedIsIgnored, Energy(), committed);
  if (sizing.energy <= Energy()) {
    return refuse(SizingReason::kCommitted);
  }
  sizing.energy = std::min(sizing.energy, Room(terms.side, facts));
  if (sizing.energy <= Energy()) {
    return refuse(SizingReason::kConnectionFull);
  }
  const Energy largest = std::min(facts.energy_max, kEnergyMax);
  sizing.energy = std::min(sizing.energy,
                           PW_AUTOPILOT_MUTANT(kLimitsAreIgnored, kEnergyMax, largest));
  if (facts.cost_left.has_value()) {
    const Price unit = UnitCost(terms.side, sizing.limit, terms.premium, facts.network_fee);
    sizing.energy = Affordable(sizing.energy, unit, *facts.cost_left);
    if (sizing.energy == Energy()) {
      return refuse(SizingReason::kDailyCostReached);
    }
  }
  if (sizing.energy < facts.energy_min) {
    return refuse(SizingReason::kBelowOrderMinimum);
  }
  sizing.worst_cost =
      WorstCost(terms.side, sizing.energy, sizing.limit, terms.premium, facts.network_fee);
}

absl::Status Invalid(absl::string_view field, absl::string_view why) {
  return Error(kTermsInvalid, why, {}, {{std::string(field), std::string(why)}});
}

absl::Status CheckSide(int64_t share_ppm, Energy reserve, const std::optional<Price>& start,
                       const std::optional<Price>& end, bool may_rise, absl::string_view field) {
  if (share_ppm < 0 || share_ppm > kMillion) {
    return Invalid(field, "a share is between 0 and 1000000 ppm");
  }
  if (reserve < Energy() || reserve > kEnergyMax) {
    return Invalid(field, "a reserve is between 0 and the largest energy");
  }
  if (start.has_value() && !end.has_value()) {
    return Invalid(field, "a ramp needs the price at gate closure");
  }
  if (start.has_value() && (may_rise ? *start > *end : *start < *end)) {
    return Invalid(field, may_rise ? "the ramp of a bid must not fall"
                                   : "the ramp of an offer must not rise");
  }
  return absl::OkStatus();
}

}  // namespace

Money WorstCost(Side side, Energy energy, Price limit, Price premium, Price network_fee) {
  const Price unit = side == Side::kBid ? limit + premium + network_fee : Price() - limit;
  return std::max(Money(), AmountOf(energy, unit, Rounding::kUp));
}

Sizing SizeOrder(const StandingOrder& order, const AutopilotCalendar& calendar,
                 const absl::TimeZone& community_zone, const SizingFacts& facts) {
  Sizing sizing;
  if (facts.net.has_value()) {
    sizing.side = *facts.net > Energy() ? Side::kOffer : Side::kBid;
  }
  if (PW_AUTOPILOT_MUTANT(kPausedOrders, false, order.terms.paused)) {
    sizing.reason = SizingReason::kPaused;
  } else if (!IsInCalendar(calendar, facts.delivery_start, community_zone)) {
    sizing.reason = SizingReason::kOutsideCalendar;
  } else if (!facts.net.has_value()) {
    sizing.reason = SizingReason::kForecastMissing;
  } else if (*facts.net == Energy()) {
    sizing.reason = SizingReason::kBalanced;
  } else {
    const SideTerms terms = TermsOf(sizing.side, order, facts);
    sizing.reason = Obstacle(terms, facts);
    if (sizing.reason == SizingReason::kOrders) {
      SizeSide(sizing.side == Side::kOffer ? *facts.net : -*facts.net, terms, facts, sizing);
    }
  }
  return sizing;
}

absl::Status CheckTerms(const StandingOrder& order) {
  const AutopilotTerms& terms = order.terms;
  PW_RETURN_IF_ERROR(CheckSide(terms.bid_share_ppm, terms.bid_reserve, terms.bid_start_price,
                               order.bid_price, true, "standing_order.bid"));
  PW_RETURN_IF_ERROR(CheckSide(terms.offer_share_ppm, terms.offer_reserve, terms.offer_start_price,
                               order.offer_price, false, "standing_order.offer"));
  if (terms.daily_cost_max.has_value() && *terms.daily_cost_max < Money()) {
    return Invalid("standing_order.daily_cost_max", "the daily cost is at least 0");
  }
  return ParseCalendar(terms.calendar).status();
}

}  // namespace peerwatt::market
