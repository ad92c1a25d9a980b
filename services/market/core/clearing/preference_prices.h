#pragma once

#include <cstdint>
#include <vector>

#include "services/market/core/clearing/circulation.h"
#include "services/market/core/clearing/preference_graph.h"

namespace peerwatt::market::clearing {

/// Potentials in micro-units that support a circulation: for a zone minus the price of energy
/// there, for a kind what is added to it. Seen from one kind that is sold, all others have a lowest
/// and a highest one; the midpoints of these, seen from the kinds most sold (eight at most), are
/// averaged and rounded up, and support the circulation too, as what is allowed is a set of
/// differences (Murota 2003). Where trade falls apart into parts that do not bound each other's
/// prices, each has its own.
/// circulation: the cheapest. O(v a) for v nodes, a arcs; in practice O(a log v).
std::vector<int64_t> SupportingPotentials(const PreferenceGraph& graph,
                                          const Circulation& circulation);

}  // namespace peerwatt::market::clearing
