#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "absl/strings/string_view.h"
#include "services/market/core/clearing/book.h"

namespace peerwatt::market::checker {

/// What can be wrong with an outcome.
enum class Flaw : uint8_t {
  kNone,
  kShape,       ///< It has not one fill per order, price per zone, flow per edge.
  kFill,        ///< A fill is negative or more than the order has after withdrawals.
  kBalance,     ///< A zone sells other than it buys and sends out.
  kCapacity,    ///< An edge carries more than it can.
  kPrice,       ///< A price is not the midpoint of its bounds, or the bounds cross.
  kUnwilling,   ///< An order trades at a price worse than its limit.
  kPassedOver,  ///< An order wants to trade at its zone's price and does not.
  kArbitrage,   ///< Neighbouring prices differ by more than the fee, and the edge is not full.
  kFlowAtLoss,  ///< Energy flows where the price gains less than the fee.
  kCongestion,  ///< An edge's congestion price is not the gain beyond the fee.
  kEnergy,      ///< The energy is not what is bought.
  kWelfare,     ///< The welfare is not what the fills are worth, less fees.
  kSelfTrade,   ///< An owner would have to trade with himself, or does.
  kWithdrawal,  ///< Energy was withdrawn that did not have to be.
  kTrade,       ///< The trades do not add up to the fills.
  kPreference,  ///< Orders are joined that do not accept each other, or not joined though they do.
};

/// The checker's answer.
struct Verdict {
  Flaw flaw = Flaw::kNone;
  /// The order, zone, edge or trade that has it.
  size_t position = 0;
  bool ok() const { return flaw == Flaw::kNone; }
};

/// UPPER_SNAKE name of a flaw, `NONE` for none: what is stored.
absl::string_view NameOf(Flaw flaw);

/// Proves that an outcome is optimal for the book less what was withdrawn: it is feasible, its
/// prices are, and each order and edge fits its price (complementary slackness), at the price
/// itself and at both bounds. Then welfare equals the dual value, so no outcome has more.
/// Shares no code with the engine. O(n) for n orders.
/// zones: the zone of each order; empty when the network has one zone.
/// With one zone it proves as well that the fills can be paired without self-trades, and that no
/// more was withdrawn than that takes (by time; pro rata may round).
Verdict Check(std::span<const clearing::Entry> book, std::span<const uint32_t> zones,
              const clearing::Network& network, const clearing::Rules& rules,
              const clearing::Outcome& outcome);

/// One trade as the checker reads it: positions in the book.
using Trade = clearing::Pair;

/// Proves that trades add up to the fills and that nobody trades with himself. O(n + t).
Verdict CheckTrades(std::span<const clearing::Entry> book, const clearing::Outcome& outcome,
                    std::span<const Trade> trades);

/// The beneficial owners of a trade's two orders, by name.
struct NamedTrade {
  absl::string_view buyer;
  absl::string_view seller;
};

/// Proves by name that nobody trades with himself, whatever numbers owners were given. O(t).
Verdict CheckOwnerNames(std::span<const NamedTrade> trades);

}  // namespace peerwatt::market::checker
