#pragma once

#include <span>

#include "services/market/checker/checker.h"
#include "services/market/core/clearing/book.h"

namespace peerwatt::market::checker {

/// Proves an outcome with preferences: feasible, as zones balance over lines within capacities;
/// priced, as no order trades beyond its limit or is passed over at the price of its zone and its
/// surcharge, lines gain their fee or are full, and no bid that an offer might be sold to could pay
/// more than it does; each deal accepted by both its orders, at these prices, of two owners. Then
/// welfare equals the dual value, so no outcome that honours the preferences has more. Also that
/// fills, energy, welfare and the shares of satisfied preferences are what the deals come to.
/// Shares no code with the engine. O(n + d + l + g h) for n orders, d deals, l lines, and g and h
/// kinds of offers and bids that some preference tells apart.
Verdict CheckPreferences(std::span<const clearing::Request> requests,
                         std::span<const clearing::Preference> preferences,
                         const clearing::Network& network,
                         const clearing::PreferenceOutcome& found);

}  // namespace peerwatt::market::checker
