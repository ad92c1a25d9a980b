#pragma once

#include <vector>

#include "absl/time/time.h"

namespace peerwatt::market {

/// From an instant on, whether a community trades before delivery; else it shares after it, and
/// there are no auctions.
struct TradingPhase {
  absl::Time start;
  bool trades = true;
};

/// Whether a community trades at an instant: as its latest phase that has started says; before the
/// first it does. phases: by start.
inline bool TradesAt(const std::vector<TradingPhase>& phases, absl::Time time) {
  bool trades = true;
  for (const TradingPhase& phase : phases) {
    if (phase.start <= time) {
      trades = phase.trades;
    }
  }
  return trades;
}

}  // namespace peerwatt::market
