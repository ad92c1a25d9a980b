#include "services/market/core/clearing/candidates.h"

#include <algorithm>
#include <numeric>

#include "services/market/core/clearing/grid.h"

namespace peerwatt::market::clearing {

Candidates::Candidates(std::span<const Entry> book, std::span<const uint32_t> zone_of,
                       uint32_t zones, const std::vector<uint32_t>& noted)
    : all_(noted.size()), start_of_(zones + 1, 0) {
  for (const uint32_t position : noted) {
    ++start_of_[zone_of[position] + 1];
  }
  std::partial_sum(start_of_.begin(), start_of_.end(), start_of_.begin());
  std::vector<size_t> next(start_of_.begin(), start_of_.end() - 1);
  for (const uint32_t position : noted) {
    all_[next[zone_of[position]]++] = {book[position], position};
  }
}

void RankJumps(std::span<const Candidate> candidates, const Window& window, int64_t below_wh,
               int64_t above_wh, std::vector<Jump>& jumps) {
  jumps.clear();
  jumps.reserve(candidates.size() + 2);
  for (const Candidate& candidate : candidates) {
    const int64_t key = KeyOf(candidate.entry);
    const int64_t energy = candidate.entry.energy.wh();
    if (key <= window.low) {
      below_wh += energy;
    } else if (key >= window.high) {
      above_wh += energy;
    } else {
      jumps.push_back({key, energy});
    }
  }
  jumps.push_back({window.low, below_wh});
  jumps.push_back({window.high, above_wh});
  std::sort(jumps.begin(), jumps.end(), [](const Jump& a, const Jump& b) { return a.key < b.key; });
  // Energy at one key becomes one jump.
  size_t last = 0;
  for (size_t i = 1; i < jumps.size(); ++i) {
    if (jumps[i].key == jumps[last].key) {
      jumps[last].energy_wh += jumps[i].energy_wh;
    } else {
      jumps[++last] = jumps[i];
    }
  }
  jumps.resize(last + 1);
  std::erase_if(jumps, [](const Jump& jump) { return jump.energy_wh == 0; });
}

}  // namespace peerwatt::market::clearing
