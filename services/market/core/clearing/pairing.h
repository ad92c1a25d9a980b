#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "services/market/core/clearing/book.h"

namespace peerwatt::market::clearing {

/// The part of an order that trades.
struct Filled {
  uint32_t order = 0;
  uint32_t owner = 0;
  int64_t energy_wh = 0;
};

/// The energy that one owner would have to trade with himself, and who that is.
struct Excess {
  uint32_t owner = 0;
  int64_t energy_wh = 0;
};

/// Finds the one owner, if any, that keeps the fills from being paired without self-trades: what it
/// buys and sells together exceeds the energy traded. There is never a second one.
/// bids, offers: both sum to the same energy.
std::optional<Excess> FindExcess(const std::vector<Filled>& bids,
                                 const std::vector<Filled>& offers);

/// Pairs filled bids with filled offers so that no owner trades with himself: by priority, the
/// order given, but where an owner would face himself his bid and his offer change partners with
/// the next pair that he has no part of. O(n) for n fills, nearly. bids, offers: sum to the same
/// energy, without excess owner.
std::vector<Pair> PairFills(const std::vector<Filled>& bids, const std::vector<Filled>& offers);

}  // namespace peerwatt::market::clearing
