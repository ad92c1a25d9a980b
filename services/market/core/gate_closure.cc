#include "services/market/core/gate_closure.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/check.h"
#include "libs/base/status_macros.h"
#include "services/market/core/clearing.h"
#include "services/market/core/order_rules.h"

namespace peerwatt::market {
namespace {

// Orders change under a runner only through a call that was in flight at gate closure, and each at
// most once; more tries than this mean a bug.
constexpr int kClearAttempts = 100;

// cleared: what the closing auction gave it.
OrderOutcome OutcomeOf(const Order& order, Energy cleared) {
  const Energy filled = order.book.traded + cleared;
  const OrderState state = filled == Energy()       ? OrderState::kExpired
                           : filled == order.energy ? OrderState::kFilled
                                                    : OrderState::kPartiallyFilled;
  return {order.id, state, filled, ""};
}

Trade NewTrade(int32_t number, const Order& bid, const Order& offer, const PricedPair& pair,
               Price network_fee) {
  Trade trade;
  trade.number = number;
  trade.bid = bid.id;
  trade.offer = offer.id;
  trade.energy = pair.energy;
  trade.price = pair.price;
  trade.buyer_price = pair.buyer_price;
  trade.network_fee = pair.buyer_price - pair.price + network_fee;
  trade.buyer_metering_point = bid.metering_point;
  trade.seller_metering_point = offer.metering_point;
  trade.buyer = bid.participant;
  trade.seller = offer.participant;
  return trade;
}

}  // namespace

absl::StatusOr<AuctionOutcome> DecideOutcome(const Auction& auction, const NetworkVersion& network,
                                             const std::vector<Order>& orders) {
  PW_ASSIGN_OR_RETURN(ClearingResult result, Clear(orders, network));
  AuctionOutcome outcome;
  outcome.key = auction.key;
  outcome.holds_reduced = true;
  outcome.clearing_price = result.price;
  outcome.cleared_energy = result.energy;
  outcome.welfare = result.welfare;
  for (size_t i = 0; i < orders.size(); ++i) {
    outcome.holds_reduced = outcome.holds_reduced && orders[i].hold == Money();
    if (orders[i].state == OrderState::kActive) {
      outcome.orders.push_back(OutcomeOf(orders[i], result.fills[i]));
    }
  }
  outcome.order_count = static_cast<int32_t>(outcome.orders.size());
  outcome.trades.reserve(result.trades.size());
  for (const PricedPair& pair : result.trades) {
    outcome.trades.push_back(NewTrade(static_cast<int32_t>(outcome.trades.size() + 1),
                                      orders[pair.bid], orders[pair.offer], pair,
                                      auction.network_fee));
  }
  outcome.clearing = std::move(result.record);
  return outcome;
}

AuctionOutcome HaltedOutcome(const AuctionKey& key, const std::vector<Order>& orders) {
  AuctionOutcome outcome;
  outcome.key = key;
  outcome.holds_reduced = true;
  for (const Order& order : orders) {
    outcome.holds_reduced = outcome.holds_reduced && order.hold == Money();
    if (order.state == OrderState::kActive || order.state == OrderState::kPending) {
      outcome.orders.push_back(OutcomeOf(order, Energy()));
    }
  }
  return outcome;
}

absl::Status GateClosure::Freeze(const Auction& auction) {
  const CommunityId& community = auction.key.community;
  std::vector<Candidate> candidates;
  CommunitySnapshot snapshot;
  ForecastsByPoint forecasts;
  PW_ASSIGN_OR_RETURN(const std::vector<StandingOrder> standing_orders,
                      store_.ActiveStandingOrders(community));
  if (!standing_orders.empty()) {
    PW_ASSIGN_OR_RETURN(snapshot, registry_.GetSnapshot(community, auction.gate_closure));
    candidates = Candidates(standing_orders, snapshot);
  }
  if (!candidates.empty()) {
    PW_ASSIGN_OR_RETURN(
        forecasts, metering_.ForecastInterval(PointsToForecast(candidates, snapshot),
                                              {auction.key.delivery_start, auction.delivery_end},
                                              DataEndOf(auction)));
  }
  return store_
      .CloseAuction(auction.key,
                    [&](const Closing& closing) {
                      return WithinLimits(PlaceStandingOrders(auction, candidates, snapshot,
                                                              forecasts, closing.offered),
                                          closing, auction.network_fee);
                    })
      .status();
}

absl::Status GateClosure::ResolvePending(const AuctionKey& key, std::vector<Order>& orders) {
  std::vector<Hold> holds;
  std::vector<Order*> holders;
  for (Order& order : orders) {
    if (order.state != OrderState::kPending) {
      continue;
    }
    if (IsImmediate(order)) {
      order.state = OrderState::kExpired;  // It came too late to meet anybody.
      continue;
    }
    if (order.hold == Money()) {
      order.state = OrderState::kActive;
      continue;
    }
    holds.push_back({key.delivery_start, order.id, order.participant, order.hold});
    holders.push_back(&order);
  }
  if (holds.empty()) {
    return absl::OkStatus();
  }
  PW_ASSIGN_OR_RETURN(const std::vector<std::string> reasons,
                      settlement_.CreateHolds(key.community, holds));
  PW_CHECK(reasons.size() == holds.size(), "settlement answered for other holds");
  for (size_t i = 0; i < holders.size(); ++i) {
    holders[i]->state = reasons[i].empty() ? OrderState::kActive : OrderState::kRejected;
    holders[i]->rejection_reason = reasons[i];
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> GateClosure::TryClearBook(const Auction& auction) {
  PW_ASSIGN_OR_RETURN(std::vector<Order> orders, store_.OrdersOf(auction.key));
  std::vector<bool> was_pending;
  for (const Order& order : orders) {
    was_pending.push_back(order.state == OrderState::kPending);
  }
  PW_ASSIGN_OR_RETURN(const bool halted, store_.IsHalted(auction.key));
  if (!halted) {
    PW_RETURN_IF_ERROR(ResolvePending(auction.key, orders));
  }
  PW_ASSIGN_OR_RETURN(const NetworkVersion network,
                      store_.GetNetwork(auction.key.community, auction.network));
  probe_.ClearingStarted();
  absl::StatusOr<AuctionOutcome> outcome =
      halted ? HaltedOutcome(auction.key, orders) : DecideOutcome(auction, network, orders);
  probe_.ClearingEnded();
  PW_RETURN_IF_ERROR(outcome.status());
  if (!halted) {
    outcome->clearing.sha256 = sha256_(CanonicalBytes(auction, network, orders, *outcome));
  }
  for (size_t i = 0; i < orders.size(); ++i) {
    if (was_pending[i] && (orders[i].state == OrderState::kRejected ||
                           orders[i].state == OrderState::kExpired)) {
      outcome->orders.push_back(
          {orders[i].id, orders[i].state, Energy(), orders[i].rejection_reason});
    }
  }
  PW_ASSIGN_OR_RETURN(const bool cleared, store_.ClearAuction(*outcome));
  if (cleared) {
    probe_.AuctionCleared(*outcome);
    for (size_t i = 0; i < orders.size(); ++i) {
      if (was_pending[i]) {
        probe_.OrderDecided(orders[i].side, orders[i].state == OrderState::kActive);
      }
    }
  }
  return cleared;
}

absl::Status GateClosure::ClearBook(const Auction& auction) {
  for (int attempt = 0; attempt < kClearAttempts; ++attempt) {
    PW_ASSIGN_OR_RETURN(const bool cleared, TryClearBook(auction));
    if (cleared) {
      return absl::OkStatus();
    }
    PW_ASSIGN_OR_RETURN(const std::optional<Auction> first,
                        store_.FirstUnfinished(auction.key.community));
    if (!first.has_value() || first->key != auction.key || first->state != AuctionState::kClosed) {
      return absl::OkStatus();  // Another replica did it.
    }
  }
  return absl::AbortedError("the order book keeps changing after gate closure");
}

absl::Status GateClosure::LowerHolds(const Auction& auction) {
  PW_ASSIGN_OR_RETURN(const std::vector<Order> orders, store_.OrdersOf(auction.key));
  PW_ASSIGN_OR_RETURN(const std::vector<Trade> trades, store_.TradesOf(auction.key));
  const std::vector<HoldReduction> reductions = HoldsNeeded(orders, trades);
  if (!reductions.empty()) {
    PW_RETURN_IF_ERROR(settlement_.ReduceHolds(auction.key, reductions));
  }
  return store_.MarkHoldsReduced(auction.key);
}

absl::Status GateClosure::Finish(const Auction& auction) {
  switch (auction.state) {
    case AuctionState::kOpen:
      PW_RETURN_IF_ERROR(Freeze(auction));
      [[fallthrough]];
    case AuctionState::kClosed:
      PW_RETURN_IF_ERROR(ClearBook(auction));
      [[fallthrough]];
    case AuctionState::kCleared:
      return LowerHolds(auction);
  }
  return absl::InternalError("unknown auction state");
}

}  // namespace peerwatt::market
