#pragma once

#include <cstdint>
#include <vector>

#include "libs/domain/quantities.h"
#include "services/market/core/model.h"

// The plain values of continuous trading: what goes into an order book and what comes out. No code
// that decides anything, so that a naive book in the tests can read them too.
namespace peerwatt::market::book {

/// An order, by the number that its keeper gave it. Unique among the resting orders of an engine.
enum class OrderNumber : uint64_t {};
/// A beneficial owner. Accounts of one owner share the number.
enum class OwnerNumber : uint32_t {};
/// A book: one community and one delivery interval.
enum class BookNumber : uint32_t {};

/// How long an order stands.
enum class Validity : uint8_t {
  kGoodTillClosure,    ///< What does not trade at once rests until gate closure.
  kImmediateOrCancel,  ///< What does not trade at once is cancelled.
  kFillOrKill,         ///< Trades at once as a whole, or not at all.
};

/// What bounds the price of an order.
enum class OrderKind : uint8_t {
  kLimit,
  kMarket,  ///< The price limits of the book; never rests, so never good till closure.
};

/// What happens when an order meets a resting order of the same owner that it could trade with.
/// In every mode a fill-or-kill order counts only the energy that it would trade.
enum class SelfTradeMode : uint8_t {
  kPassOver,       ///< Both stay; the next order in priority is tried.
  kCancelNewest,   ///< What is left of the incoming order is cancelled.
  kCancelResting,  ///< The resting order is cancelled; the incoming one goes on.
};

/// Most orders that may rest in one book: so many of the largest energy still sum within 64 bits.
inline constexpr uint32_t kRestingOrdersMax = uint32_t{1} << 22;

/// The community's choices for one book.
struct BookRules {
  Price price_min = Price() - kPriceMax;
  Price price_max = kPriceMax;
  SelfTradeMode self_trade_mode = SelfTradeMode::kPassOver;
  /// 1 to kRestingOrdersMax.
  uint32_t resting_orders_max = kRestingOrdersMax;
};

/// What a command asks for.
enum class CommandKind : uint8_t { kPlace, kAmend, kCancel };

/// One command on one order.
struct Command {
  BookNumber book{};
  OwnerNumber owner{};  ///< Of a placed order.
  OrderNumber order{};
  /// The whole energy of the order: what it has traded is part of it, so that an amendment means
  /// the same whether a trade came before it or not. 1 to kEnergyMax; of a placed or amended order.
  Energy energy;
  Price limit;  ///< Of a placed limit order or an amendment; any price that the book allows.
  Side side = Side::kBid;  ///< Of a placed order.
  CommandKind kind = CommandKind::kPlace;
  OrderKind order_kind = OrderKind::kLimit;
  Validity validity = Validity::kGoodTillClosure;
};

/// Why a command changed nothing, in the order in which the rules are checked.
enum class Refusal : uint8_t {
  kNone,
  kBookUnknown,
  kBookClosed,
  kValidityInvalid,   ///< A market order cannot rest.
  kEnergyOutOfRange,  ///< 1 Wh to kEnergyMax.
  kPriceOutOfRange,   ///< The price limits of the book.
  kOrderExists,       ///< An order of this number rests already.
  kOrderUnknown,      ///< No order of this number rests in this book.
  kBookFull,          ///< No further order may rest.
};

/// What happened to an order. A follower of the book needs no more than these five rules:
/// put an accepted order behind all others of its price; take a trade's energy off both orders; set
/// a reduced order's energy; drop what was cancelled, has expired, or has no energy left.
enum class EventKind : uint8_t { kAccepted, kTraded, kReduced, kCancelled, kExpired };

/// Why an order was cancelled.
enum class CancelReason : uint8_t {
  kNone,
  kRequested,
  kAmended,     ///< It lost its priority; its next `kAccepted` follows at once.
  kUsedUp,      ///< It was amended to no more than what it has traded.
  kRemainder,   ///< What an immediate-or-cancel order could not trade.
  kUnfillable,  ///< A fill-or-kill order that could not trade as a whole.
  kSelfTrade,   ///< It met an order of its own owner.
};

/// One change of a book. The same commands give the same events.
struct Event {
  /// Counts from 1 within the book, without a gap.
  uint64_t sequence = 0;
  /// The order that it is about; of a trade the incoming one.
  OrderNumber order{};
  /// Of a trade: the order that rested.
  OrderNumber resting{};
  /// Accepted, reduced: what is open now. Traded: what traded. Cancelled, expired: what was open.
  Energy energy;
  /// Accepted: the order's limit. Traded: the price, which is the resting order's. Else 0.
  Price price;
  BookNumber book{};
  OwnerNumber owner{};     ///< Of `order`.
  Side side = Side::kBid;  ///< Of `order`.
  EventKind kind = EventKind::kAccepted;
  CancelReason reason = CancelReason::kNone;

  bool operator==(const Event&) const = default;
};

/// An order that rests in a book.
struct RestingOrder {
  OrderNumber order{};
  OwnerNumber owner{};
  Side side = Side::kBid;
  Price limit;
  Energy open;    ///< What can still trade.
  Energy energy;  ///< Open and traded together.

  bool operator==(const RestingOrder&) const = default;
};

/// A whole book after the event `sequence`: bids, then offers, each in priority.
struct BookSnapshot {
  uint64_t sequence = 0;
  std::vector<RestingOrder> orders;

  bool operator==(const BookSnapshot&) const = default;
};

/// What rests at one price.
struct DepthLevel {
  Price price;
  Energy energy;
  uint32_t orders = 0;

  bool operator==(const DepthLevel&) const = default;
};

}  // namespace peerwatt::market::book
