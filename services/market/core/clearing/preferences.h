#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "services/market/core/clearing/book.h"

namespace peerwatt::market::clearing {

/// Whether an order that prefers something lets another be its partner.
bool Accepts(const Preference& preference, const Request& partner);

/// Clears a book subject to what its orders require: no trade breaks it, nobody trades with
/// himself, and no outcome that keeps to it has more welfare. Prices are those of the offers'
/// classes.
/// Minimum-cost flow over c classes and e edges between them, O(a (c + e) log c) for a
/// augmentations (see SolveGraph); c is at most the number of different zones, types, preferences,
/// owners on both sides and accounts that somebody names. Ties go by class, then by the tie rule.
/// network: lines without capacities; with them the problem is another (several goods).
/// Errors: BOOK_INVALID, NETWORK_INVALID, PREFERENCES_INVALID (kInvalidArgument): a premium below 0
/// or that lifts a limit above kPriceMax, an unknown preference or type, a line with a capacity.
absl::StatusOr<PreferenceOutcome> ClearWithPreferences(std::span<const Request> requests,
                                                       std::span<const Preference> preferences,
                                                       const Network& network, TieRule tie_rule);

}  // namespace peerwatt::market::clearing
