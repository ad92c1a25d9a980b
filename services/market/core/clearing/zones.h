#pragma once

#include <cstdint>
#include <span>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "services/market/core/clearing/book.h"

namespace peerwatt::market::clearing {

/// Clears a book over a network of zones: of all outcomes with the greatest welfare net of fees one
/// with the most energy. Each zone has its price; prices of neighbours differ by the fee at most,
/// unless the line is full. Of the prices that support the outcome there is a lowest and a highest
/// in every zone at once; each zone's price is their midpoint, rounded down, and these support it
/// too. Where the outcome leaves a choice, the least energy flows; priority and ties are by zone.
/// Owners are not looked at: ClearNetwork does.
///
/// zones: the zone of each order.
/// Returns whether an owner may have to trade with himself in some zone: when not, none has to.
/// Prices are narrowed down from coarse to fine: with every limit rounded down by less than a step
/// the prices found are less than a step too low, so orders outside of that step are decided.
/// Trees are balanced by curves (tree.h), other networks by minimum-cost flow (graph.h).
/// O(n + z k d log c) for n orders, z zones, k = 64 price steps, depth d, at most c children; the
/// graph's complexity otherwise.
/// network: valid. Errors: BOOK_INVALID (kInvalidArgument).
/// Source of the rounding bound: prices of supply and demand are monotone in supply, L-natural
/// convexity (Murota 2003).
absl::StatusOr<bool> CrossZones(std::span<const Entry> book, std::span<const uint32_t> zones,
                                const Network& network, Energy energy_min, TieRule tie_rule,
                                Outcome& outcome);

}  // namespace peerwatt::market::clearing
