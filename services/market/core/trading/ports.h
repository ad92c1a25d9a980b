#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "services/market/core/book/values.h"
#include "services/market/core/controls.h"
#include "services/market/core/model.h"

namespace peerwatt::market {

/// A change of the book of an auction, as it is kept and sent.
struct BookEvent {
  /// Counts from 1 within the book, without a gap.
  int64_t number = 0;
  book::EventKind kind = book::EventKind::kAccepted;
  book::CancelReason reason = book::CancelReason::kNone;
  Side side = Side::kBid;
  /// The order that it is about; of a trade the incoming one.
  int64_t order_number = 0;
  OrderId order;
  /// Of a trade: the order that rested.
  int64_t resting_number = 0;
  OrderId resting;
  /// As in book::Event.
  Energy energy;
  Price price;
  /// Of a trade: its number in the auction.
  int32_t trade_number = 0;
  absl::Time time;
};

/// What a group of commands did to one book.
struct BookWrites {
  absl::Time delivery_start;
  /// In the order of their numbers, which follow those that are kept.
  std::vector<BookEvent> events;
  std::vector<Trade> trades;
  /// The orders that changed, as they are now.
  std::map<OrderId, Order> orders;
};

/// A book as it is kept: the auction that it is for, and how far it has come.
struct BookHead {
  Auction auction;
  int64_t last_event = 0;
  int32_t trade_count = 0;
};

/// The books of some auctions of a community, within a transaction that has them alone.
class BookAccess {
 public:
  virtual ~BookAccess() = default;
  /// The book of an auction; null when there is no such auction.
  virtual const BookHead* Head(absl::Time delivery_start) const = 0;
  /// An order that a command names, as it is now; null when there is none.
  virtual const Order* Find(absl::Time delivery_start, const OrderId& id) const = 0;
  /// What the order of the command `index` meets if it takes the place of the one of its name.
  virtual Placing PlacingOf(size_t index) const = 0;
  virtual bool halted() const = 0;
  /// Who stands behind a participant of one of the commands.
  virtual ParticipantId OwnerOf(const ParticipantId& participant) const = 0;
  /// All orders that rest, in the order in which they took their places.
  virtual std::vector<Order> ReadResting(absl::Time delivery_start) = 0;
  /// The orders that events after this one are about, as they are now.
  virtual std::vector<Order> ReadChanged(absl::Time delivery_start, int64_t after_event) = 0;
};

/// The books as commands change them.
class TradingStore {
 public:
  virtual ~TradingStore() = default;
  /// Changes books of one community in one transaction, which no other command and no gate
  /// closure comes between.
  /// orders: what the commands are about; deliveries and names say which books and orders are
  /// looked up. with_rules: whether `decide` asks PlacingOf. decide: returns what to write; may be
  /// called again when the transaction is tried again.
  virtual absl::Status Change(
      const std::vector<Order>& orders, bool with_rules,
      absl::FunctionRef<absl::StatusOr<std::vector<BookWrites>>(BookAccess&)> decide) = 0;
};

/// What rests at one price.
struct BookLevel {
  Price price;
  Energy energy;
  int32_t orders = 0;
};

/// A book by price, after the event `last_event`; the best prices first.
struct BookDepth {
  int64_t last_event = 0;
  std::vector<BookLevel> bids;
  std::vector<BookLevel> offers;
};

/// A book by order after the event `last_event`, without names.
struct BookOrders {
  struct Resting {
    int64_t number = 0;
    Side side = Side::kBid;
    Price limit;
    Energy open;
  };
  int64_t last_event = 0;
  /// In the order in which they took their places.
  std::vector<Resting> orders;
};

/// Events that followed, and whether more can come.
struct BookNews {
  std::vector<BookEvent> events;
  bool is_open = true;
};

/// The books as they are looked at.
class TradingView {
 public:
  virtual ~TradingView() = default;
  /// At most `levels_max` of each side. Errors of this and the following: NOT_FOUND.
  virtual absl::StatusOr<BookDepth> GetDepth(const AuctionKey& key, int32_t levels_max) = 0;
  virtual absl::StatusOr<BookOrders> GetOrders(const AuctionKey& key) = 0;
  /// At most `limit` events after one, by number. The auction is closed only when no event that
  /// this call did not return can come.
  virtual absl::StatusOr<BookNews> ListEvents(const AuctionKey& key, int64_t after,
                                              int32_t limit) = 0;
};

}  // namespace peerwatt::market
