#pragma once

#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "services/market/core/model.h"
#include "services/market/core/network.h"

namespace peerwatt::market {

/// What a grid connection can draw and feed in during one interval.
struct ConnectionLimits {
  Energy draw_max;
  Energy feed_in_max;
};

/// Sums the capacities of the points behind a connection over one interval, rounded down to Wh.
ConnectionLimits LimitsOf(const CommunitySnapshot& snapshot, const GridConnectionId& connection);

/// What an order is judged by.
struct OrderFacts {
  /// The auction as it is now, and the time.
  const Auction& auction;
  absl::Time now;
  /// The order's metering point; absent when unknown.
  const std::optional<Member>& member;
  const CommunitySnapshot& snapshot;
  /// Energy that pending and active offers of the same connection hold in this auction.
  Energy offered;
  /// The auction's network; only looked at when the order prefers something.
  const NetworkVersion& network;
};

/// Checks an order against every rule but funds.
/// Errors, the first broken one wins: GATE_CLOSED, METERING_POINT_UNKNOWN,
/// PARTICIPANT_NOT_APPROVED, ENERGY_OUT_OF_RANGE (1 Wh to kEnergyMax, a bid at most what its
/// connection can draw), PRICE_OUT_OF_RANGE (the community's bounds), those of CheckPreference,
/// EXPORT_CAPACITY_EXCEEDED.
absl::Status CheckOrder(const Order& order, const OrderFacts& facts);

/// Whether an auction takes orders: it is open and its gate closure lies ahead.
bool AcceptsOrders(const Auction& auction, absl::Time now);

/// Errors: PRICE_OUT_OF_RANGE when the price lies outside the community's bounds.
absl::Status CheckPrice(Price price, const CommunityRules& rules);

/// What must be reserved for an order: for a bid, its energy at its limit and premium plus the
/// network fee (fees of lines are part of what the limit bounds); for an offer, what it would pay
/// at a negative limit. Rounded up, at least 0.
Money HoldFor(const Order& order, Price network_fee);

/// What the trades of each order still need of its hold, one entry per order that has a hold, in
/// their order: the trade's amount plus its network fee for the buyer, the amount at a negative
/// price for the seller, each rounded up per trade. 0 for an order without trades.
std::vector<HoldReduction> HoldsNeeded(const std::vector<Order>& orders,
                                       const std::vector<Trade>& trades);

}  // namespace peerwatt::market
