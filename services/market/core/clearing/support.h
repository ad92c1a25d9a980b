#pragma once

#include <vector>

#include "services/market/core/clearing/book.h"

namespace peerwatt::market::clearing {

/// Bounds that no price of the network reaches.
std::vector<ZonePrice> UnboundedPrices(const Network& network);

/// Sets the prices of zones and the congestion of edges that support an outcome.
/// own: the bounds that the orders of each zone set; their fills and the flows of the outcome are
/// set. The lowest prices that fit all bounds and flows, and the highest, are found by relaxing
/// along the edges (Bellman and Ford); the midpoints, rounded down, fit too, as what is allowed is
/// a set of differences and closed under it (Murota 2003).
void SupportPrices(const Network& network, std::vector<ZonePrice> own, Outcome& outcome);

}  // namespace peerwatt::market::clearing
