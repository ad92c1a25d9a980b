#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "services/market/core/clearing/book.h"
#include "services/market/core/clearing/pairing.h"

namespace peerwatt::market::clearing {

/// Pairs of a network, and those that could not be kept from joining an owner with himself.
struct ZonePairs {
  std::vector<Pair> pairs;
  std::vector<Pair> self_pairs;
};

/// Follows the energy from zone to zone, along the flows, and pairs in each zone what arrives and
/// is offered there with what is bought there and passed on. Flows must not close a circle.
ZonePairs PairZones(std::span<const Entry> book, std::span<const uint32_t> zones,
                    const Network& network, const Outcome& outcome);

}  // namespace peerwatt::market::clearing
