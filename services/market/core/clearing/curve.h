#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "services/market/core/clearing/book.h"

namespace peerwatt::market::clearing {

/// Energy that comes to market at one price.
///
/// Inside the engine prices are *keys*: four per micro-unit, bids one above theirs, offers one
/// below. So a bid and an offer of equal limits, fees included, trade, and of the outcomes with the
/// greatest welfare the one with the most energy is the best by keys: an exchange of one bid or
/// offer for another moves keys by two at most, a micro-unit of welfare by four.
struct Jump {
  int64_t key = 0;
  int64_t energy_wh = 0;
};

/// What a zone sells to the others less what it buys from them, by price: the energy of all jumps
/// at or below the price, less the demand. An offer is a jump at its limit; a bid is demand, and a
/// jump at its limit, above which it is not served.
struct Curve {
  /// By key, ascending.
  std::vector<Jump> jumps;
  int64_t demand_wh = 0;
};

/// Beyond every key.
inline constexpr int64_t kKeyInfinite = int64_t{1} << 60;
/// More energy than a book holds: the capacity of an edge without one.
inline constexpr int64_t kUnlimitedWh = int64_t{1} << 62;

/// The network as the engine uses it.
struct Line {
  uint32_t from = 0;
  uint32_t to = 0;
  int64_t fee_key = 0;
  int64_t capacity_wh = kUnlimitedWh;
  int64_t capacity_back_wh = kUnlimitedWh;
};

/// Prices at which the curves of all zones balance over the lines, and what flows then.
struct Balance {
  std::vector<int64_t> keys;
  std::vector<int64_t> flows_wh;
};

/// The first key up to which the jumps hold `energy_wh`; minus infinity when that is 0 or less.
int64_t KeyReaching(const std::vector<Jump>& jumps, int64_t energy_wh);
/// The first key up to which the jumps hold more than `energy_wh`; infinity when none does.
int64_t KeyExceeding(const std::vector<Jump>& jumps, int64_t energy_wh);

}  // namespace peerwatt::market::clearing
