#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "services/market/core/clearing/book.h"
#include "services/market/core/clearing/pairing.h"
#include "services/market/core/model.h"

namespace peerwatt::market {

/// What clearing needs to know of an order.
struct BookOrder {
  OrderId id;
  ParticipantId participant;
  Side side = Side::kBid;
  Energy energy;
  Price limit;
  absl::Time create_time;
};

/// The outcome of one auction.
struct ClearingResult {
  /// The uniform price; absent when nothing trades.
  std::optional<Price> price;
  /// The closed interval of prices that support the outcome; meaningful when something trades.
  Price price_low;
  Price price_high;
  Energy energy;
  /// What the trades are worth to the buyers above what they cost the sellers, by their limits:
  /// the exact sum, rounded down to a micro-unit.
  Money welfare;
  /// Energy traded by each order, in the order of the book given.
  std::vector<Energy> fills;
  /// Who sells to whom; positions in the book given.
  std::vector<clearing::Pair> trades;
};

/// Has the independent checker prove an outcome and its trades: optimal, supported by its prices,
/// nobody trading with himself.
/// Errors: OUTCOME_UNPROVEN (kInternal), with the flaw and where it is.
absl::Status Prove(std::span<const clearing::Entry> book, const clearing::Rules& rules,
                   const clearing::Outcome& outcome, const std::vector<clearing::Pair>& trades);

/// Clears one frozen order book of one zone at a uniform price.
///
/// Bids with a limit at or above the marginal offer trade: of all allocations with the greatest
/// welfare, the one with the most energy wins, so a bid and an offer with equal limits trade.
/// Priority on each side is by limit; among equal limits by the tie rule, where earlier means by
/// time, then id. The price is the midpoint of the interval that supports the outcome, rounded
/// down.
///
/// Nobody trades with himself. Where a pairing without such trades exists, the outcome is the
/// optimum. Otherwise one owner holds more than half of all that trades; then as little as
/// possible of its energy leaves the book, worst first, from the side that the mode names, and what
/// remains is cleared at its own uniform price.
///
/// orders: any order; energy 1 to kEnergyMax, limit within kPriceMax, ids unique.
/// No outcome is returned that the checker did not prove.
/// Errors: BOOK_INVALID (kInvalidArgument) for energy or limits out of bounds; OUTCOME_UNPROVEN.
/// Source: k-double auction, k = 1/2 (Satterthwaite and Williams 1989).
absl::StatusOr<ClearingResult> Clear(const std::vector<BookOrder>& orders,
                                     const clearing::Rules& rules = {});

}  // namespace peerwatt::market
