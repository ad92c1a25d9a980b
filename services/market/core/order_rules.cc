#include "services/market/core/order_rules.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "libs/base/status_macros.h"
#include "services/market/core/errors.h"
#include "services/market/core/preference.h"

namespace peerwatt::market {
namespace {

Money AtLeastZero(Money amount) { return std::max(amount, Money()); }

std::string FormatUtc(absl::Time time) {
  return absl::FormatTime(absl::RFC3339_full, time, absl::UTCTimeZone());
}

absl::Status EnergyOutOfRange(Energy energy, Energy min, Energy max) {
  return Error(kEnergyOutOfRange,
               absl::StrCat("energy must be between ", min.wh(), " and ", max.wh(), " Wh"),
               {{"energy_wh", absl::StrCat(energy.wh())},
                {"energy_wh_min", absl::StrCat(min.wh())},
                {"energy_wh_max", absl::StrCat(max.wh())}},
               {{"order.energy_wh", "out of range"}});
}

// What a continuous order must keep besides.
void AddContinuousRules(const Order& order, const Placing& placing,
                        std::vector<absl::Status>& broken) {
  if (!placing.limits.continuous_trading) {
    broken.push_back(Error(kContinuousTradingOff,
                           "the community has no continuous trading for this delivery"));
  }
  if (placing.network != nullptr && placing.network->zones.size() > 1) {
    broken.push_back(Error(kContinuousTradingUnsupported,
                           "continuous trading knows one zone; the network has several"));
  }
  if (!order.preference.empty() || order.premium != Price()) {
    broken.push_back(Error(kPreferencesUnsupported, "continuous orders prefer nothing"));
  }
}

// The field of a request that a broken rule is about.
std::string FieldOf(absl::string_view reason) {
  if (reason == kGateClosed.name || reason == kMarketHalted.name ||
      reason == kContinuousTradingOff.name || reason == kContinuousTradingUnsupported.name) {
    return "parent";
  }
  if (reason == kPriceOutOfRange.name) {
    return "order.limit_price_per_kwh";
  }
  if (reason == kMeteringPointUnknown.name || reason == kPointIsBoundary.name ||
      reason == kParticipantNotApproved.name || reason == kPermissionDenied.name) {
    return "order.metering_point";
  }
  if (reason == kTradingBlocked.name || reason == kOrderCountExceeded.name) {
    return "order.participant";
  }
  if (reason == kPreferencesInvalid.name || reason == kPreferencesUnsupported.name) {
    return "order.requirements";
  }
  return "order.energy_wh";
}

}  // namespace

absl::flat_hash_map<GridConnectionId, ConnectionLimits> LimitsOfAll(
    const CommunitySnapshot& snapshot) {
  struct Watts {
    int64_t imported = 0;
    int64_t exported = 0;
  };
  absl::flat_hash_map<GridConnectionId, Watts> sums;
  for (const Member& member : snapshot.members) {
    Watts& watts = sums[member.grid_connection];
    watts.imported = AddOrDie(watts.imported, member.import_capacity_w);
    watts.exported = AddOrDie(watts.exported, member.export_capacity_w);
  }
  const int64_t seconds = absl::ToInt64Seconds(snapshot.rules.interval);
  const auto over_interval = [&](int64_t watts) {
    return Energy::WattHours(MulDiv(watts, seconds, 3600, Rounding::kDown));
  };
  absl::flat_hash_map<GridConnectionId, ConnectionLimits> limits;
  for (const auto& [connection, watts] : sums) {
    limits[connection] = {over_interval(watts.imported), over_interval(watts.exported)};
  }
  return limits;
}

bool AcceptsOrders(const Auction& auction, absl::Time now) {
  return auction.state == AuctionState::kOpen && now < auction.gate_closure;
}

absl::Status CheckTrades(const Member& member) {
  if (!member.is_boundary) return absl::OkStatus();
  return Error(kPointIsBoundary, "the point is a boundary of the community, which does not trade",
               {{"metering_point", member.metering_point.value()}});
}

absl::Status CheckPrice(Price price, Price min, Price max) {
  if (price < min || price > max) {
    const std::string low = FormatMicros(min.micros_per_kwh());
    const std::string high = FormatMicros(max.micros_per_kwh());
    return Error(kPriceOutOfRange,
                 absl::StrCat("price must be between ", low, " and ", high, " per kWh"),
                 {{"price_min_per_kwh", low}, {"price_max_per_kwh", high}},
                 {{"order.limit_price_per_kwh", "out of range"}});
  }
  return absl::OkStatus();
}

OrderLimits LimitsAt(const std::vector<LimitsVersion>& versions, absl::Time delivery_start) {
  OrderLimits limits;
  for (const LimitsVersion& version : versions) {
    if (version.valid_from <= delivery_start) {
      limits = version.limits;
    }
  }
  return limits;
}

std::vector<absl::Status> BrokenRules(const Order& order, const OrderFacts& facts) {
  const Placing& placing = facts.placing;
  const OrderLimits& limits = placing.limits;
  std::vector<absl::Status> broken;
  if (!AcceptsOrders(*placing.auction, facts.now)) {
    broken.push_back(Error(kGateClosed, "the auction takes no more orders",
                           {{"gate_closure_time", FormatUtc(placing.auction->gate_closure)}}));
  }
  if (placing.halted) {
    broken.push_back(Error(kMarketHalted, "the market of the community is halted",
                           {{"halt_reason", placing.halt_reason}}));
  }
  if (IsContinuous(order)) {
    AddContinuousRules(order, placing, broken);
  }
  const bool is_known =
      facts.member.has_value() && facts.member->community == order.auction.community;
  if (!is_known) {
    broken.push_back(Error(kMeteringPointUnknown, "the community has no such metering point",
                           {{"metering_point", order.metering_point.value()}}));
  } else if (absl::Status trades = CheckTrades(*facts.member); !trades.ok()) {
    broken.push_back(std::move(trades));
  } else if (!facts.member->approved) {
    broken.push_back(Error(kParticipantNotApproved, "only approved participants trade"));
  }
  if (placing.is_killed) {
    broken.push_back(Error(kTradingBlocked, "the kill switch of the participant is set"));
  }
  Energy energy_max = std::min(limits.energy_max, kEnergyMax);
  if (is_known && order.side == Side::kBid) {
    energy_max = std::min(energy_max, facts.connection.draw_max);
  }
  if (order.energy < limits.energy_min || order.energy > energy_max) {
    broken.push_back(EnergyOutOfRange(order.energy, limits.energy_min, energy_max));
  }
  absl::Status price = CheckPrice(order.limit, std::max(facts.rules.price_min, limits.price_min),
                                  std::min(facts.rules.price_max, limits.price_max));
  if (!price.ok()) {
    broken.push_back(std::move(price));
  }
  if (placing.network != nullptr && !IsContinuous(order)) {
    absl::Status preference = CheckPreference(order, *placing.network);
    if (preference.ok() && !placing.is_preference_known) {
      preference = CheckLoad(order, placing.load, *placing.network);
    }
    if (!preference.ok()) {
      broken.push_back(std::move(preference));
    }
  }
  if (placing.open_orders >= limits.open_orders_max) {
    broken.push_back(Error(kOrderCountExceeded, "the participant has too many open orders here",
                           {{"open_orders_max", absl::StrCat(limits.open_orders_max)}}));
  }
  if (is_known && order.side == Side::kOffer &&
      order.energy > facts.connection.feed_in_max - placing.offered) {
    broken.push_back(Error(kExportCapacityExceeded,
                           "offers exceed what the grid connection can feed in during the interval",
                           {{"feed_in_wh_max", absl::StrCat(facts.connection.feed_in_max.wh())},
                            {"offered_wh", absl::StrCat(placing.offered.wh())}}));
  }
  return broken;
}

absl::Status CheckOrder(const Order& order, const OrderFacts& facts) {
  std::vector<absl::Status> broken = BrokenRules(order, facts);
  return broken.empty() ? absl::OkStatus() : std::move(broken.front());
}

absl::Status AllBroken(const std::vector<absl::Status>& broken) {
  ErrorDetail all = DetailOf(broken.front());
  std::vector<std::string> reasons;
  all.violations.clear();
  for (const absl::Status& status : broken) {
    const ErrorDetail detail = DetailOf(status);
    reasons.push_back(detail.reason);
    all.violations.push_back(
        {FieldOf(detail.reason), absl::StrCat(detail.reason, ": ", status.message())});
    all.metadata.insert(detail.metadata.begin(), detail.metadata.end());
  }
  all.metadata["reasons"] = absl::StrJoin(reasons, ",");
  return ErrorFromDetail(broken.front().code(), broken.front().message(), all);
}

std::vector<Order> WithinLimits(std::vector<Order> orders, const Closing& closing,
                                Price network_fee) {
  if (closing.halted) {
    return {};
  }
  const OrderLimits& limits = closing.limits;
  std::erase_if(orders, [&](const Order& order) {
    return closing.killed.contains(order.participant) || order.limit < limits.price_min ||
           order.limit > limits.price_max || order.energy < limits.energy_min;
  });
  for (Order& order : orders) {
    if (order.energy > limits.energy_max) {
      order.energy = limits.energy_max;
      order.hold = HoldFor(order, network_fee);
    }
  }
  return orders;
}

Money HoldFor(const Order& order, Price network_fee) {
  const Price price =
      order.side == Side::kBid ? order.limit + order.premium + network_fee : Price() - order.limit;
  return AtLeastZero(AmountOf(order.energy, price, Rounding::kUp));
}

Money BidCost(const Trade& trade) {
  return AtLeastZero(AmountOf(trade.energy, trade.price, Rounding::kUp) +
                     AmountOf(trade.energy, trade.network_fee, Rounding::kUp));
}

Money OfferCost(const Trade& trade) {
  return AtLeastZero(AmountOf(trade.energy, Price() - trade.price, Rounding::kUp));
}

Price MarketBound(Side side, const CommunityRules& rules, const OrderLimits& limits) {
  return side == Side::kBid ? std::min(rules.price_max, limits.price_max)
                            : std::max(rules.price_min, limits.price_min);
}

std::vector<HoldReduction> HoldsNeeded(const std::vector<Order>& orders,
                                       const std::vector<Trade>& trades) {
  absl::flat_hash_map<OrderId, Money> needed;
  for (const Trade& trade : trades) {
    needed[trade.bid] += BidCost(trade);
    needed[trade.offer] += OfferCost(trade);
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
