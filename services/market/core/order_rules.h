#pragma once

#include <optional>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "services/market/core/controls.h"
#include "services/market/core/model.h"
#include "services/market/core/network.h"

namespace peerwatt::market {

/// What a grid connection can draw and feed in during one interval.
struct ConnectionLimits {
  Energy draw_max;
  Energy feed_in_max;
};

/// Sums the capacities of the points behind each connection over one interval, rounded down to Wh.
absl::flat_hash_map<GridConnectionId, ConnectionLimits> LimitsOfAll(
    const CommunitySnapshot& snapshot);

/// What an order is judged by.
struct OrderFacts {
  absl::Time now;
  /// The order's metering point; absent when unknown.
  const std::optional<Member>& member;
  const CommunityRules& rules;
  /// What the order's connection can draw and feed in.
  ConnectionLimits connection;
  /// The auction as it is now, what is in it already, and what the operator set.
  const Placing& placing;
};

/// Every rule but funds that an order breaks, in the order of the rules: GATE_CLOSED,
/// MARKET_HALTED, for a continuous order CONTINUOUS_TRADING_OFF, CONTINUOUS_TRADING_UNSUPPORTED and
/// PREFERENCES_UNSUPPORTED, METERING_POINT_UNKNOWN, PARTICIPANT_NOT_APPROVED, TRADING_BLOCKED,
/// ENERGY_OUT_OF_RANGE (within the limits; a bid at most what its connection can draw),
/// PRICE_OUT_OF_RANGE (the community's bounds and the limits), those of CheckPreference
/// and CheckLoad,
/// ORDER_COUNT_EXCEEDED, EXPORT_CAPACITY_EXCEEDED. Those that need the metering point are not
/// judged without it.
std::vector<absl::Status> BrokenRules(const Order& order, const OrderFacts& facts);

/// The first of them, or OK.
absl::Status CheckOrder(const Order& order, const OrderFacts& facts);

/// One error that names all: reason and code of the first, the reasons in metadata `reasons`, and
/// for each a violated field whose description starts with the reason.
/// broken: not empty, each with a reason.
absl::Status AllBroken(const std::vector<absl::Status>& broken);

/// The standing orders' orders that keep the operator's limits: none of a halted market or of a
/// participant who may not trade, none beyond the price limits or below the smallest size; larger
/// ones become as large as is allowed.
std::vector<Order> WithinLimits(std::vector<Order> orders, const Closing& closing,
                                Price network_fee);

/// Whether an auction takes orders: it is open and its gate closure lies ahead.
bool AcceptsOrders(const Auction& auction, absl::Time now);

/// Errors: POINT_IS_BOUNDARY when the point is where its community meets the main grid.
absl::Status CheckTrades(const Member& member);

/// Errors: PRICE_OUT_OF_RANGE when the price lies outside these bounds.
absl::Status CheckPrice(Price price, Price min, Price max);

/// What must be reserved for an order: for a bid, its energy at its limit and premium plus the
/// network fee (fees of lines are part of what the limit bounds); for an offer, what it would pay
/// at a negative limit. Rounded up, at least 0.
Money HoldFor(const Order& order, Price network_fee);

/// What a trade needs of the hold of its bid: amount and network fee, each rounded up, at least 0.
Money BidCost(const Trade& trade);
/// What a trade needs of the hold of its offer: the amount at a negative price, rounded up.
Money OfferCost(const Trade& trade);

/// The lowest or highest price that the community and the operator's limits allow: what bounds a
/// market order.
Price MarketBound(Side side, const CommunityRules& rules, const OrderLimits& limits);

/// What the trades of each order still need of its hold, one entry per order that has a hold, in
/// their order: the trade's amount plus its network fee for the buyer, the amount at a negative
/// price for the seller, each rounded up per trade. 0 for an order without trades.
std::vector<HoldReduction> HoldsNeeded(const std::vector<Order>& orders,
                                       const std::vector<Trade>& trades);

}  // namespace peerwatt::market
