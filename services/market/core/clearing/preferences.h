#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "services/market/core/clearing/book.h"

namespace peerwatt::market::clearing {

/// Most zones of a network over which orders may prefer something.
inline constexpr size_t kPreferenceZonesMax = 1'000;
/// Owners that are kept from trading with themselves without loss of welfare; what more of them
/// would trade with themselves is withdrawn from their bids.
inline constexpr size_t kOwnersApartMax = 64;

/// Whether an order that prefers something lets another be its partner.
bool Accepts(const Preference& preference, const Request& partner);

/// Clears a book subject to what its orders require: no trade breaks it, nobody trades with
/// himself, lines carry no more than they can, and no outcome that keeps to it has more welfare net
/// of fees; of those that have as much, one with the most energy. What a line carries is the
/// difference of what is sold over it either way. Zones that no lines join do not trade.
/// The cheapest circulation of a graph with a node for each zone and each kind of orders that
/// nobody tells apart (preference_graph.h): O(n log n + b v F), see CheapestCirculation; once more
/// for each set of owners found to trade with themselves. Ties go by kind and zone, then by the tie
/// rule.
/// Errors: BOOK_INVALID, NETWORK_INVALID, PREFERENCES_INVALID (kInvalidArgument): a premium below 0
/// or that lifts its limit above kPriceMax, an unknown zone, preference or type;
/// PREFERENCES_UNSUPPORTED (kFailedPrecondition): more than kPreferenceZonesMax zones.
absl::StatusOr<PreferenceOutcome> ClearWithPreferences(std::span<const Request> requests,
                                                       std::span<const Preference> preferences,
                                                       const Network& network, TieRule tie_rule);

}  // namespace peerwatt::market::clearing
