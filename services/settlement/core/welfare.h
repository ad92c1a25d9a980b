#pragma once

#include <vector>

#include "libs/domain/quantities.h"
#include "services/settlement/core/line.h"
#include "services/settlement/core/peers.h"

namespace peerwatt::settlement {

/// What the trades of a period are worth to buyers above what they cost sellers, by their limits.
struct Welfare {
  Money optimum;    ///< of what was traded: the greatest that the orders allow
  Money delivered;  ///< of what was delivered, 0 to `optimum`
  bool operator==(const Welfare&) const = default;
};

/// Takes off `optimum` what each trade would have been worth to its parties for the energy that it
/// did not deliver, each rounded up: nothing is claimed too high.
/// optimum: not negative, as the market says. trades: with their gains, not negative. lines: of the
/// period from scratch, settled as delivered; a trade delivered the energy of its purchase.
Welfare WelfareOf(Money optimum, const std::vector<Trade>& trades, const std::vector<Line>& lines);

}  // namespace peerwatt::settlement
