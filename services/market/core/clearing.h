#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "services/market/core/clearing/book.h"
#include "services/market/core/clearing/pairing.h"
#include "services/market/core/clearing_record.h"
#include "services/market/core/model.h"
#include "services/market/core/network.h"

namespace peerwatt::market {

/// Energy that the offer at one position of the book sells to the bid at another.
struct PricedPair {
  uint32_t bid = 0;
  uint32_t offer = 0;
  Energy energy;
  /// What the seller gets, and what the buyer pays before the community's flat fee.
  Price price;
  Price buyer_price;
};

/// The outcome of one auction.
struct ClearingResult {
  /// The price of all trades, when they have one.
  std::optional<Price> price;
  /// The closed interval of prices that support the outcome in the first zone; meaningful when
  /// something trades and nobody prefers anything.
  Price price_low;
  Price price_high;
  Energy energy;
  /// What the trades are worth to the buyers above what they cost the sellers and the lines, by
  /// limits, with premiums that were met: the exact sum, rounded down to a micro-unit.
  Money welfare;
  /// Energy traded by each order, in the order of the book given.
  std::vector<Energy> fills;
  /// Who sells to whom; positions in the book given.
  std::vector<PricedPair> trades;
  /// All but the hash.
  ClearingRecord record;
};

/// Has the independent checker prove an outcome and its trades: optimal, supported by its prices,
/// nobody trading with himself.
/// zones: as of checker::Check.
/// Errors: OUTCOME_UNPROVEN (kInternal), with the flaw and where it is.
absl::Status Prove(std::span<const clearing::Entry> book, std::span<const uint32_t> zones,
                   const clearing::Network& network, const clearing::Rules& rules,
                   const clearing::Outcome& outcome, const std::vector<clearing::Pair>& trades);

/// Clears one frozen order book over the zones of a network.
///
/// Of all allocations with the greatest welfare, fees of lines taken off, the one with the most
/// energy wins, so a bid and an offer with equal limits trade. Priority on each side is by limit;
/// among equal limits by the tie rule, where earlier means by time, then id. Each zone has a price,
/// the midpoint of the interval that supports the outcome, rounded down; a seller gets the price of
/// its zone, a buyer pays that of its own.
///
/// When an active order prefers something, the book is cleared subject to it: docs/clearing.md. A
/// premium counts at most as far as limits and premiums stay within kPriceMax.
///
/// Nobody trades with himself, by beneficial owner: see OwnerOf. Where a pairing without such
/// trades exists, the outcome is the optimum; otherwise energy of that owner leaves the book, worst
/// first, from the side that the mode names, and what remains is cleared.
///
/// orders: any order; those that are not active are passed over and trade nothing. Energy 1 to
/// kEnergyMax, limit within kPriceMax, ids unique, preferences as CheckPreference lets pass.
/// Names of owners, zones and preferences become numbers in one pass. No outcome is returned that
/// the checker did not prove.
/// Errors: BOOK_INVALID, NETWORK_INVALID, PREFERENCES_INVALID (kInvalidArgument);
/// OUTCOME_UNPROVEN.
/// Source: k-double auction, k = 1/2 (Satterthwaite and Williams 1989).
absl::StatusOr<ClearingResult> Clear(std::span<const Order> orders,
                                     const NetworkVersion& network = {});

}  // namespace peerwatt::market
