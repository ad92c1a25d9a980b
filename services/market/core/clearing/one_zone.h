#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "services/market/core/clearing/book.h"

namespace peerwatt::market::clearing {

/// Memory that one clearing leaves to the next. For one thread.
struct Scratch {
  std::vector<uint64_t> buckets;
  std::vector<uint64_t> near_bids;
  std::vector<uint64_t> near_offers;
};

/// Clears the book of one zone at a uniform price: of all outcomes with the greatest welfare the
/// one with the most energy. Zones of the entries are not looked at.
/// outcome: written in full; giving the same one again saves its memory.
/// Two passes over the book: one adds up energy by coarse price, one fills what lies clear of the
/// crossing and sets aside what lies near it; only that is ranked. O(n) for n orders, plus a radix
/// sort of the orders near the crossing.
/// Errors: BOOK_INVALID (kInvalidArgument) for energy or limits out of bounds.
absl::Status ClearOneZone(std::span<const Entry> book, const Rules& rules, Scratch& scratch,
                          Outcome& outcome);

/// The same without regard to owners.
/// energy_min: the least energy of an order: 0 where some was withdrawn, else 1 Wh.
/// Returns whether an owner may buy and sell more than all trade together: when not, none does.
absl::StatusOr<bool> CrossOneZone(std::span<const Entry> book, Energy energy_min, TieRule tie_rule,
                                  Scratch& scratch, Outcome& outcome);

}  // namespace peerwatt::market::clearing
