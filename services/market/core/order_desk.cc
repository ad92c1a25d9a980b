#include "services/market/core/order_desk.h"

#include <utility>
#include <vector>

#include "libs/base/status_macros.h"
#include "services/market/core/errors.h"
#include "services/market/core/order_rules.h"

namespace peerwatt::market {

bool SameContent(const StandingOrder& kept, const StandingOrder& asked) {
  return kept.metering_point == asked.metering_point && kept.bid_price == asked.bid_price &&
         kept.offer_price == asked.offer_price;
}

absl::StatusOr<Order> OrderDesk::Cancel(const AuctionKey& key, const OrderId& id,
                                        const ParticipantId& caller, absl::Time now) {
  const absl::Status denied = Error(kPermissionDenied, "the caller has no such order");
  absl::StatusOr<Order> cancelled = store_.CancelOrder(
      key, id, [&](const Auction& auction, const Order& order) -> absl::Status {
        if (order.participant != caller) {
          return denied;
        }
        if (IsContinuous(order)) {
          return absl::CancelledError();  // Its book has to know.
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
  if (absl::IsCancelled(cancelled.status())) {
    return books_.Cancel(key, id, caller);
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
      PW_RETURN_IF_ERROR(CheckPrice(*price, snapshot.rules.price_min, snapshot.rules.price_max));
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
