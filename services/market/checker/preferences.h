#pragma once

#include <span>

#include "services/market/checker/checker.h"
#include "services/market/core/clearing/book.h"

namespace peerwatt::market::checker {

/// Proves an outcome with preferences. First that the problem solved is the one asked: classes put
/// together only orders that can trade with the same partners on the same terms, and an edge joins
/// two classes exactly when each accepts the other, at the least fee between their zones less the
/// premium that is met. Then, as Check does, that the outcome is optimal for it. Then that the
/// deals are that outcome, at the prices of sellers' classes and these fees, and that the shares of
/// satisfied preferences are right.
/// Shares no code with the engine. O(n + c (c + l)) for n orders, c classes, l lines, and more for
/// networks whose cheapest ways have many lines.
Verdict CheckPreferences(std::span<const clearing::Request> requests,
                         std::span<const clearing::Preference> preferences,
                         const clearing::Network& network,
                         const clearing::PreferenceOutcome& found);

}  // namespace peerwatt::market::checker
