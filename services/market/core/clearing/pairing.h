#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "libs/domain/quantities.h"

namespace peerwatt::market::clearing {

/// The part of an order that trades.
struct Filled {
  uint32_t order = 0;
  uint32_t owner = 0;
  int64_t energy_wh = 0;
};

/// Energy that the offer at one position of the book sells to the bid at another.
struct Pair {
  uint32_t bid = 0;
  uint32_t offer = 0;
  Energy energy;
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

/// Pairs filled bids with filled offers so that no owner trades with himself.
/// By priority (the order given) where that succeeds, else by owner around a ring: bids grouped by
/// owner lie end to end on a ring, offers likewise, turned until no owner faces himself.
/// bids, offers: sum to the same energy, without excess owner.
std::vector<Pair> PairFills(const std::vector<Filled>& bids, const std::vector<Filled>& offers);

}  // namespace peerwatt::market::clearing
