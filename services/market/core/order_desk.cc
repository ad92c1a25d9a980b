#include "services/market/core/order_desk.h"

#include <utility>
#include <vector>

#include "libs/base/check.h"
#include "libs/base/status_macros.h"
#include "services/market/core/errors.h"
#include "services/market/core/order_rules.h"

namespace peerwatt::market {

bool SameContent(const Order& kept, const Order& asked) {
  return kept.participant == asked.participant && kept.side == asked.side &&
         kept.metering_point == asked.metering_point && kept.energy == asked.energy &&
         kept.limit == asked.limit && kept.premium == asked.premium &&
         kept.preference == asked.preference && kept.standing_order.empty();
}

bool SameContent(const StandingOrder& kept, const StandingOrder& asked) {
  return kept.metering_point == asked.metering_point && kept.bid_price == asked.bid_price &&
         kept.offer_price == asked.offer_price;
}

absl::Status Rejection(const std::string& reason) {
  if (reason == kFundsInsufficient.name) {
    return Error(kFundsInsufficient, "the account does not cover the order");
  }
  return Error(kHoldRefused, "settlement refused to hold money for the order",
               {{"hold_reason", reason}});
}

absl::StatusOr<Order> OrderDesk::Create(Order order, bool validate_only, absl::Time now) {
  PW_ASSIGN_OR_RETURN(const std::optional<Member> member,
                      registry_.FindMember(order.metering_point));
  if (member.has_value() && member->participant != order.participant) {
    return Error(kPermissionDenied, "the metering point is not the caller's");
  }
  PW_ASSIGN_OR_RETURN(const CommunitySnapshot snapshot,
                      registry_.GetSnapshot(order.auction.community, now));
  order.create_time = now;
  order.state = OrderState::kPending;
  NetworkVersion network;
  if (!order.preference.empty() || order.premium != Price()) {
    PW_ASSIGN_OR_RETURN(network, store_.NetworkOf(order.auction));
  }
  if (member.has_value()) {
    order.grid_connection = member->grid_connection;
    order.zone = member->zone;
    order.source = order.side == Side::kOffer ? member->source : EnergySource::kUnknown;
  }
  absl::StatusOr<Order> placed = store_.PlaceOrder(
      order, !validate_only, [&](const Auction& auction, Energy offered) -> absl::StatusOr<Money> {
        PW_RETURN_IF_ERROR(CheckOrder(order, {auction, now, member, snapshot, offered, network}));
        return HoldFor(order, auction.network_fee);
      });
  if (!placed.ok()) {
    if (!ReasonOf(placed.status()).empty()) {
      probe_.OrderDecided(order.side, false);
    }
    return placed;
  }
  if (!SameContent(*placed, order)) {
    return Error(kContentDiffers, "another order has this id");
  }
  if (placed->state == OrderState::kRejected) {
    return Rejection(placed->rejection_reason);
  }
  if (placed->state != OrderState::kPending || validate_only) {
    return placed;
  }
  return Reserve(*placed);
}

absl::StatusOr<Order> OrderDesk::Reserve(const Order& order) {
  std::string reason;
  if (order.hold > Money()) {
    PW_ASSIGN_OR_RETURN(
        const std::vector<std::string> reasons,
        settlement_.CreateHolds(order.auction, {{order.id, order.participant, order.hold}}));
    PW_CHECK(reasons.size() == 1, "settlement answered for other holds");
    reason = reasons[0];
  }
  const OrderState state = reason.empty() ? OrderState::kActive : OrderState::kRejected;
  PW_ASSIGN_OR_RETURN(const Order resolved,
                      store_.ResolveOrder(order.auction, order.id, state, reason));
  const bool is_dead = resolved.state == OrderState::kCancelled ||
                       resolved.state == OrderState::kRejected;
  if (is_dead && reason.empty() && order.hold > Money()) {
    // It was withdrawn or refused while its money was being reserved.
    PW_RETURN_IF_ERROR(settlement_.ReduceHolds(order.auction, {{order.id, Money()}}));
  }
  if (resolved.state == state) {
    probe_.OrderDecided(order.side, state == OrderState::kActive);
  }
  if (resolved.state == OrderState::kRejected) {
    return Rejection(resolved.rejection_reason);
  }
  return resolved;
}

absl::StatusOr<Order> OrderDesk::Cancel(const AuctionKey& key, const OrderId& id,
                                        const ParticipantId& caller, absl::Time now) {
  const absl::Status denied = Error(kPermissionDenied, "the caller has no such order");
  absl::StatusOr<Order> cancelled = store_.CancelOrder(
      key, id, [&](const Auction& auction, const Order& order) -> absl::Status {
        if (order.participant != caller) {
          return denied;
        }
        if (order.state == OrderState::kCancelled) {
          return absl::OkStatus();
        }
        if (!AcceptsOrders(auction, now)) {
          return Error(kGateClosed, "orders stand after gate closure");
        }
        if (order.state != OrderState::kPending && order.state != OrderState::kActive) {
          return Error(kOrderNotActive, "the order is not in the book");
        }
        return absl::OkStatus();
      });
  if (ReasonOf(cancelled.status()) == kNotFound.name) {
    return denied;
  }
  PW_RETURN_IF_ERROR(cancelled.status());
  if (cancelled->hold > Money()) {
    PW_RETURN_IF_ERROR(settlement_.ReduceHolds(key, {{id, Money()}}));
  }
  return cancelled;
}

absl::StatusOr<StandingOrder> OrderDesk::CreateStanding(StandingOrder order) {
  PW_ASSIGN_OR_RETURN(const std::optional<Member> member,
                      registry_.FindMember(order.metering_point));
  if (!member.has_value()) {
    return Error(kMeteringPointUnknown, "there is no such metering point",
                 {{"metering_point", order.metering_point.value()}});
  }
  if (member->participant != order.participant) {
    return Error(kPermissionDenied, "the metering point is not the caller's");
  }
  PW_ASSIGN_OR_RETURN(const CommunitySnapshot snapshot,
                      registry_.GetSnapshot(member->community, order.create_time));
  for (const std::optional<Price>& price : {order.bid_price, order.offer_price}) {
    if (price.has_value()) {
      PW_RETURN_IF_ERROR(CheckPrice(*price, snapshot.rules));
    }
  }
  order.community = member->community;
  order.grid_connection = member->grid_connection;
  PW_ASSIGN_OR_RETURN(StandingOrder kept, store_.CreateStandingOrder(order));
  if (!SameContent(kept, order)) {
    return Error(kContentDiffers, "another standing order has this id");
  }
  return kept;
}

}  // namespace peerwatt::market
