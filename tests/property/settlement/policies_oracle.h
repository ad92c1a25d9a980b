#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "services/settlement/core/settlement.h"

namespace peerwatt::settlement {

/// The lines that move money or energy between parties, computed the slow way: fractions, one unit
/// at a time, one participant after the other. Shares no code with the engine. Not for the policy
/// `as_delivered`. In the order of the keys.
std::vector<Line> NaiveLines(const SettlementInput& input);

/// What is wrong with the settlement of one of so many random periods: conservation, bounds,
/// independence of order, agreement with the naive lines, and that differences over runs sum to a
/// settlement from scratch. Empty when nothing is.
std::string FirstSettlementFault(uint64_t seed, int periods);

/// The same for random lives of the payment rules.
std::string FirstPaymentFault(uint64_t seed, int lives);

}  // namespace peerwatt::settlement
