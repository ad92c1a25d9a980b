#pragma once

#include <vector>

#include "services/settlement/core/settlement.h"

namespace peerwatt::settlement {

/// Indexes of the trades in the order of their ids, so that a result does not depend on how they
/// came. Stops the process when a trade occurs twice or has negative energy.
std::vector<size_t> InIdOrder(const std::vector<ConnectedTrade>& trades);

}  // namespace peerwatt::settlement
