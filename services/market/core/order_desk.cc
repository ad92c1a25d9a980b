#include "services/market/core/order_desk.h"

#include <utility>
#include <vector>

#include "libs/base/status_macros.h"
#include "services/market/core/errors.h"
#include "services/market/core/order_rules.h"

namespace peerwatt::market {

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

}  // namespace peerwatt::market
