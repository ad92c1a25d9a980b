#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "services/market/core/member_directory.h"
#include "services/market/core/ports.h"

namespace peerwatt::market {

/// What participants do with orders and standing orders. Safe for many threads.
class OrderDesk {
 public:
  /// clock: the machine's time, by which answers of the registry grow old. books: where continuous
  /// orders go instead of becoming active.
  OrderDesk(OrderStore& store, Registry& registry, Settlement& settlement, Probe& probe,
            const Clock& clock, ContinuousBooks& books)
      : store_(store),
        registry_(registry),
        settlement_(settlement),
        probe_(probe),
        books_(books),
        directory_(registry, clock) {}

  /// Places orders of one community: keeps them in one transaction, reserves their money in one
  /// call, puts them into the book in one transaction. Each is decided on its own, in this order,
  /// as if it came alone. Safe to repeat: the same id and content give the same answer, also after
  /// gate closure. An order is accepted by facts of the registry at most two seconds old, and
  /// refused only by facts that were asked for after it came.
  /// orders: auction, id, side, metering point, participant, energy, limit and create time.
  /// Errors of each, in this order: PERMISSION_DENIED when the metering point is another's,
  /// NOT_FOUND (auction), CONTENT_DIFFERS, those of CheckOrder, FUNDS_INSUFFICIENT, HOLD_REFUSED.
  std::vector<absl::StatusOr<Order>> CreateGroup(std::vector<Order> orders, absl::Time now);

  /// The same for one order that comes at `now`. validate_only: keeps nothing; the error names
  /// every rule that the order breaks, as AllBroken does, funds included.
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

  /// Decides the orders of a community that were cut off while they were placed, before `before`.
  /// Returns how many. The runner does the same at gate closure; this only makes it sooner.
  absl::StatusOr<int64_t> Sweep(const CommunityId& community, absl::Time before);

 private:
  /// One order of a group, and what it came to.
  struct Item {
    Order order;
    absl::StatusOr<Order> answer = absl::UnknownError("not decided");
    bool is_decided = false;
  };

  absl::Status Validate(Order order, absl::Time now);
  absl::StatusOr<std::optional<Member>> MemberOf(const Order& order,
                                                 const Neighbourhood& neighbourhood);
  /// Keeps the items that have no answer yet. Refusals count only when the facts are fresh.
  void Place(std::vector<Item*>& items, const MemberDirectory::Found& facts, absl::Time now);
  /// Moves the answers of these items on.
  void Reserve(const std::vector<Item*>& kept);
  /// Reserves the money of pending orders of one community and puts them into the book, or rejects
  /// them. Returns them as they are then.
  absl::StatusOr<std::vector<Order>> Resolve(std::vector<Order> pending);
  /// The last step: those with a reason are rejected, continuous orders meet others.
  absl::StatusOr<std::vector<Order>> Activate(const std::vector<Order>& pending,
                                              const std::vector<std::string>& reasons);

  OrderStore& store_;
  Registry& registry_;
  Settlement& settlement_;
  Probe& probe_;
  ContinuousBooks& books_;
  MemberDirectory directory_;
};

/// Whether a repeated request asks for what is kept already.
bool SameContent(const Order& kept, const Order& asked);
bool SameContent(const StandingOrder& kept, const StandingOrder& asked);

/// The error of an order that was rejected for this reason: FUNDS_INSUFFICIENT, MARKET_HALTED,
/// BOOK_FULL or HOLD_REFUSED.
absl::Status Rejection(const std::string& reason);

}  // namespace peerwatt::market
