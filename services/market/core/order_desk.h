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
  /// order: participant, id, metering point, prices, terms, create time.
  /// Errors, in this order: METERING_POINT_UNKNOWN, PERMISSION_DENIED when the metering point is
  /// another's, PRICE_OUT_OF_RANGE, those of CheckTerms, CONTENT_DIFFERS, STANDING_ORDER_ACTIVE.
  absl::StatusOr<StandingOrder> CreateStanding(StandingOrder order);

  /// Gives an active standing order new prices and terms: its next version, which counts for
  /// auctions whose gate closes after `now`. Safe to repeat: without a change there is no version.
  /// order: community, participant, id, prices and terms; `paused` stays as it is.
  /// expected_version: the newest that the caller knows; 0 for any.
  /// Errors, in this order: NOT_FOUND, STANDING_ORDER_ENDED, PRICE_OUT_OF_RANGE, those of
  /// CheckTerms, STANDING_ORDER_VERSION_STALE.
  absl::StatusOr<StandingOrder> ChangeStanding(const StandingOrder& order,
                                               int32_t expected_version, absl::Time now);
  /// Lets a standing order rest, or go on. Errors: NOT_FOUND, STANDING_ORDER_ENDED.
  absl::StatusOr<StandingOrder> PauseStanding(const CommunityId& community,
                                              const ParticipantId& participant,
                                              const StandingOrderId& id, bool paused,
                                              absl::Time now);

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
