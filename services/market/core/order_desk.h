#pragma once

#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "services/market/core/ports.h"

namespace peerwatt::market {

/// What participants do with orders and standing orders.
class OrderDesk {
 public:
  OrderDesk(OrderStore& store, Registry& registry, Settlement& settlement, Probe& probe)
      : store_(store), registry_(registry), settlement_(settlement), probe_(probe) {}

  /// Places an order of `order.participant`: keeps it, reserves its money, puts it into the book.
  /// Safe to repeat: the same id and content give the same answer, also after gate closure.
  /// order: auction, id, side, metering point, participant, energy and limit.
  /// Errors, in this order: PERMISSION_DENIED when the metering point is another's, NOT_FOUND
  /// (auction), CONTENT_DIFFERS, those of CheckOrder, FUNDS_INSUFFICIENT, HOLD_REFUSED.
  absl::StatusOr<Order> Create(Order order, bool validate_only, absl::Time now);

  /// Withdraws an order of `caller` and releases its hold. Safe to repeat.
  /// Errors: PERMISSION_DENIED when there is no such order of the caller, GATE_CLOSED,
  /// ORDER_NOT_ACTIVE when it was rejected.
  absl::StatusOr<Order> Cancel(const AuctionKey& key, const OrderId& id,
                               const ParticipantId& caller, absl::Time now);

  /// Creates a standing order of `order.participant`. Safe to repeat.
  /// order: participant, id, metering point, prices, create time.
  /// Errors, in this order: METERING_POINT_UNKNOWN, PERMISSION_DENIED when the metering point is
  /// another's, PRICE_OUT_OF_RANGE, CONTENT_DIFFERS, STANDING_ORDER_ACTIVE.
  absl::StatusOr<StandingOrder> CreateStanding(StandingOrder order);

 private:
  absl::StatusOr<Order> Reserve(const Order& order);

  OrderStore& store_;
  Registry& registry_;
  Settlement& settlement_;
  Probe& probe_;
};

/// Whether a repeated request asks for what is kept already.
bool SameContent(const Order& kept, const Order& asked);
bool SameContent(const StandingOrder& kept, const StandingOrder& asked);

/// The error of an order that was rejected for this reason: FUNDS_INSUFFICIENT or HOLD_REFUSED.
absl::Status Rejection(const std::string& reason);

}  // namespace peerwatt::market
