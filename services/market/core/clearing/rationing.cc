#include "services/market/core/clearing/rationing.h"

#include <algorithm>
#include <cstddef>

#include "libs/base/check.h"
#include "libs/domain/allocation.h"
#include "services/market/core/clearing/mutant.h"

namespace peerwatt::market::clearing {
namespace {

void RationByTime(std::span<const Entry> book, std::span<const uint64_t> level, int64_t energy_wh,
                  std::vector<Energy>& fills) {
  for (size_t i = 0; i < level.size(); ++i) {
    const size_t rank = PW_MUTANT(kLaterOrderFirst, level.size() - 1 - i, i);
    const uint32_t position = static_cast<uint32_t>(level[rank]);
    const int64_t fill = std::min(energy_wh, book[position].energy.wh());
    fills[position] = Energy::WattHours(fill);
    energy_wh -= fill;
  }
  PW_CHECK(energy_wh == 0, "a side is short of energy");
}

void RationProRata(std::span<const Entry> book, std::span<const uint64_t> level, int64_t energy_wh,
                   std::vector<Energy>& fills) {
  std::vector<int64_t> weights;
  weights.reserve(level.size());
  for (const uint64_t key : level) {
    weights.push_back(book[static_cast<uint32_t>(key)].energy.wh());
  }
  const std::vector<int64_t> parts = AllocateByLargestRemainder(energy_wh, weights);
  for (size_t i = 0; i < level.size(); ++i) {
    fills[static_cast<uint32_t>(level[i])] = Energy::WattHours(parts[i]);
  }
}

}  // namespace

void Ration(std::span<const Entry> book, std::span<const uint64_t> ranked, int64_t energy_wh,
            TieRule tie_rule, std::vector<Energy>& fills) {
  for (size_t start = 0; start < ranked.size();) {
    size_t end = start;
    int64_t level_wh = 0;
    for (; end < ranked.size() && ranked[end] >> 32 == ranked[start] >> 32; ++end) {
      level_wh += book[static_cast<uint32_t>(ranked[end])].energy.wh();
    }
    const std::span<const uint64_t> level = ranked.subspan(start, end - start);
    const int64_t taken = std::min(energy_wh, level_wh);
    if (taken == level_wh || taken == 0 || tie_rule == TieRule::kTime ||
        PW_MUTANT(kProRataIsByTime, true, false)) {
      RationByTime(book, level, taken, fills);
    } else {
      RationProRata(book, level, taken, fills);
    }
    energy_wh -= taken;
    start = end;
  }
  PW_CHECK(energy_wh == 0, "a side is short of energy");
}

}  // namespace peerwatt::market::clearing
