#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "libs/domain/quantities.h"
#include "services/market/core/clearing/book.h"

namespace peerwatt::market {

/// Lines that lead from one zone to another, and what a kWh costs on them.
struct CheapestWay {
  struct Step {
    uint32_t line = 0;
    /// Along the line, from → to.
    bool forward = true;
  };
  /// From the last line to the first.
  std::vector<Step> steps;
  Price fee;
};

/// The cheapest ways through a network, capacities aside; of equal ones, that found first with
/// lines in their order. Each zone that ways start from is looked at once.
/// network: outlives this.
class CheapestWays {
 public:
  explicit CheapestWays(const clearing::Network& network);
  /// Nothing when no lines join the zones.
  std::optional<CheapestWay> Find(uint32_t from, uint32_t to);

 private:
  /// The last line of the way from a zone to each (Dijkstra 1959).
  std::vector<uint32_t> LastLines(uint32_t start) const;

  const clearing::Network& network_;
  std::vector<std::vector<uint32_t>> lines_at_;
  /// What LastLines said, by start.
  std::map<uint32_t, std::vector<uint32_t>> last_;
};

}  // namespace peerwatt::market
