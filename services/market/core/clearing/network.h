#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "services/market/core/clearing/book.h"
#include "services/market/core/clearing/one_zone.h"
#include "services/market/core/clearing/pairing.h"

namespace peerwatt::market::clearing {

/// Whether every line joins two zones of the network at a fee from 0 to kPriceMax, with capacities
/// that are not negative, and there are at most kZonesMax zones.
/// Errors: NETWORK_INVALID (kInvalidArgument).
absl::Status CheckNetwork(const Network& network);

/// Most zones of a network.
inline constexpr uint32_t kZonesMax = 100'000;

/// Clears a book over a network, all rules: see ClearOneZone for one zone, CrossZones for more.
///
/// Nobody trades with himself. With more than one zone who sells to whom follows the flows: a zone
/// passes on what it receives and sells, and owners are kept apart in each zone as in one. Where
/// that fails, the energy that an owner would have sold to himself is withdrawn, on the side that
/// the mode names, and the rest is cleared again, until nobody would.
/// zones: the zone of each order; not read when the network has one zone.
/// Errors: BOOK_INVALID, NETWORK_INVALID (kInvalidArgument).
absl::Status ClearNetwork(std::span<const Entry> book, std::span<const uint32_t> zones,
                          const Network& network, const Rules& rules, Scratch& scratch,
                          Outcome& outcome);

/// Who sells to whom. Pairs of one zone come by priority where that keeps owners apart.
/// outcome: of ClearNetwork for the same book, zones and network.
std::vector<Pair> PairOutcome(std::span<const Entry> book, std::span<const uint32_t> zones,
                              const Network& network, const Outcome& outcome);

}  // namespace peerwatt::market::clearing
