#include "services/market/core/order_rules.h"

#include <algorithm>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "services/market/core/errors.h"
#include "services/market/core/preference.h"

namespace peerwatt::market {
namespace {

constexpr Energy kOneWattHour = Energy::WattHours(1);

Money AtLeastZero(Money amount) { return std::max(amount, Money()); }

std::string FormatUtc(absl::Time time) {
  return absl::FormatTime(absl::RFC3339_full, time, absl::UTCTimeZone());
}

absl::Status EnergyOutOfRange(Energy energy, Energy max) {
  return Error(kEnergyOutOfRange, absl::StrCat("energy must be between 1 and ", max.wh(), " Wh"),
               {{"energy_wh", absl::StrCat(energy.wh())},
                {"energy_wh_max", absl::StrCat(max.wh())}},
               {{"order.energy_wh", "out of range"}});
}

}  // namespace

ConnectionLimits LimitsOf(const CommunitySnapshot& snapshot, const GridConnectionId& connection) {
  int64_t import_w = 0;
  int64_t export_w = 0;
  for (const Member& member : snapshot.members) {
    if (member.grid_connection == connection) {
      import_w = AddOrDie(import_w, member.import_capacity_w);
      export_w = AddOrDie(export_w, member.export_capacity_w);
    }
  }
  const int64_t seconds = absl::ToInt64Seconds(snapshot.rules.interval);
  return {Energy::WattHours(MulDiv(import_w, seconds, 3600, Rounding::kDown)),
          Energy::WattHours(MulDiv(export_w, seconds, 3600, Rounding::kDown))};
}

bool AcceptsOrders(const Auction& auction, absl::Time now) {
  return auction.state == AuctionState::kOpen && now < auction.gate_closure;
}

absl::Status CheckPrice(Price price, const CommunityRules& rules) {
  if (price < rules.price_min || price > rules.price_max) {
    const std::string low = FormatMicros(rules.price_min.micros_per_kwh());
    const std::string high = FormatMicros(rules.price_max.micros_per_kwh());
    return Error(kPriceOutOfRange,
                 absl::StrCat("price must be between ", low, " and ", high, " per kWh"),
                 {{"price_min_per_kwh", low}, {"price_max_per_kwh", high}},
                 {{"order.limit_price_per_kwh", "out of range"}});
  }
  return absl::OkStatus();
}

absl::Status CheckOrder(const Order& order, const OrderFacts& facts) {
  if (!AcceptsOrders(facts.auction, facts.now)) {
    return Error(kGateClosed, "the auction takes no more orders",
                 {{"gate_closure_time", FormatUtc(facts.auction.gate_closure)}});
  }
  if (!facts.member.has_value() || facts.member->community != order.auction.community) {
    return Error(kMeteringPointUnknown, "the community has no such metering point",
                 {{"metering_point", order.metering_point.value()}});
  }
  if (!facts.member->approved) {
    return Error(kParticipantNotApproved, "only approved participants trade");
  }
  const ConnectionLimits limits = LimitsOf(facts.snapshot, facts.member->grid_connection);
  const Energy energy_max =
      order.side == Side::kBid ? std::min(limits.draw_max, kEnergyMax) : kEnergyMax;
  if (order.energy < kOneWattHour || order.energy > energy_max) {
    return EnergyOutOfRange(order.energy, energy_max);
  }
  PW_RETURN_IF_ERROR(CheckPrice(order.limit, facts.snapshot.rules));
  if (!order.preference.empty() || order.premium != Price()) {
    PW_RETURN_IF_ERROR(CheckPreference(order, facts.network));
  }
  if (order.side == Side::kOffer && facts.offered + order.energy > limits.feed_in_max) {
    return Error(kExportCapacityExceeded,
                 "offers exceed what the grid connection can feed in during the interval",
                 {{"feed_in_wh_max", absl::StrCat(limits.feed_in_max.wh())},
                  {"offered_wh", absl::StrCat(facts.offered.wh())}});
  }
  return absl::OkStatus();
}

Money HoldFor(const Order& order, Price network_fee) {
  const Price price =
      order.side == Side::kBid ? order.limit + order.premium + network_fee : Price() - order.limit;
  return AtLeastZero(AmountOf(order.energy, price, Rounding::kUp));
}

std::vector<HoldReduction> HoldsNeeded(const std::vector<Order>& orders,
                                       const std::vector<Trade>& trades) {
  absl::flat_hash_map<OrderId, Money> needed;
  for (const Trade& trade : trades) {
    const Money amount = AmountOf(trade.energy, trade.price, Rounding::kUp);
    const Money fee = AmountOf(trade.energy, trade.network_fee, Rounding::kUp);
    const Money refund = AmountOf(trade.energy, Price() - trade.price, Rounding::kUp);
    needed[trade.bid] += AtLeastZero(amount + fee);
    needed[trade.offer] += AtLeastZero(refund);
  }
  std::vector<HoldReduction> reductions;
  for (const Order& order : orders) {
    if (order.hold > Money()) {
      reductions.push_back({order.id, needed[order.id]});
    }
  }
  return reductions;
}

}  // namespace peerwatt::market
