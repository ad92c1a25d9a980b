#include "services/market/core/clearing/zone_steps.h"

#include <algorithm>
#include <array>
#include <limits>
#include <numeric>

#include "libs/base/prefetch.h"
#include "services/market/core/errors.h"

namespace peerwatt::market::clearing {
namespace {

constexpr int64_t kLimitMax = kPriceMax.micros_per_kwh();
constexpr uint64_t kEnergyMaxWh = static_cast<uint64_t>(kEnergyMax.wh());
constexpr int64_t kBookEnergyMaxWh = int64_t{1} << 62;
constexpr size_t kBlock = 1024;
// Beyond every limit.
constexpr int64_t kBeyond = 2 * kLimitMax;
static_assert(kBeyond <= std::numeric_limits<int32_t>::max());

}  // namespace

absl::Status ZoneSteps::AddUp(std::span<const Entry> book, std::span<const uint32_t> zones,
                              uint32_t size, Energy energy_min) {
  if (book.size() != zones.size() || book.size() >= std::numeric_limits<uint32_t>::max()) {
    return Error(kBookInvalid, "the book is too large, or lacks zones");
  }
  const Limits guess = AddUpOn(book, zones, size, GuessGrid(book), energy_min);
  if (guess.is_invalid || guess.total >= absl::int128(kBookEnergyMaxWh)) {
    return Error(kBookInvalid, "an order of the book is out of range");
  }
  if (guess.low < grid_.low() || guess.high > grid_.high()) {
    AddUpOn(book, zones, size, Grid(guess.low, guess.high), energy_min);
  }
  return absl::OkStatus();
}

ZoneSteps::Limits ZoneSteps::AddUpOn(std::span<const Entry> orders,
                                     std::span<const uint32_t> zone_of, uint32_t size,
                                     const Grid& wanted, Energy energy_min) {
  grid_ = wanted;
  by_step_.assign(size * Grid::kSteps, 0);
  demand_.assign(size, 0);
  Limits limits = {kLimitMax, -kLimitMax, false, 0};
  // The loop's own values are local: what it writes could be what it reads.
  const Grid grid = wanted;
  const Entry* const book = orders.data();
  const uint32_t* const zones = zone_of.data();
  uint64_t* const by_step = by_step_.data();
  uint64_t* const demand = demand_.data();
  const uint64_t min = static_cast<uint64_t>(energy_min.wh());
  int32_t lowest = static_cast<int32_t>(limits.low);
  int32_t highest = static_cast<int32_t>(limits.high);
  std::array<uint32_t, kBlock> places;
  for (size_t start = 0; start < orders.size() && !limits.is_invalid; start += kBlock) {
    const size_t end = std::min(orders.size(), start + kBlock);
    uint64_t sum = 0;
    bool is_invalid = false;
    for (size_t i = start; i < end; ++i) {
      const Entry& entry = book[i];
      PrefetchAhead(&entry);
      const uint32_t zone = zones[i];
      const uint64_t energy = static_cast<uint64_t>(entry.energy.wh());
      is_invalid |= energy - min > kEnergyMaxWh - min;
      if (zone >= size) [[unlikely]] {
        limits.is_invalid = true;
        return limits;
      }
      lowest = std::min(lowest, entry.limit);
      highest = std::max(highest, entry.limit);
      sum += energy;
      places[i - start] = static_cast<uint32_t>(zone * Grid::kSteps + grid.StepOf(entry.limit));
      demand[zone] += energy & (static_cast<uint64_t>(entry.way()) - 1);
    }
    // Apart and short, so that many of these far places are on their way at once.
    for (size_t i = start; i < end; ++i) {
      by_step[places[i - start]] += static_cast<uint64_t>(book[i].energy.wh());
    }
    limits.total += sum;
    limits.low = lowest;
    limits.high = highest;
    limits.is_invalid = is_invalid || lowest < -kLimitMax || highest > kLimitMax;
  }
  return limits;
}

void ZoneSteps::AddJumps(uint32_t zone, size_t group, const Window& window,
                         std::vector<Jump>& jumps) const {
  jumps.clear();
  for (size_t step = 0; step < Grid::kSteps; step += group) {
    const uint64_t* const first = &by_step_[zone * Grid::kSteps + step];
    const int64_t energy = static_cast<int64_t>(std::accumulate(first, first + group, uint64_t{0}));
    const int64_t key = std::clamp(4 * grid_.LowestOf(step) - 1, window.low, window.high);
    if (!jumps.empty() && jumps.back().key == key) {
      jumps.back().energy_wh += energy;
    } else if (energy > 0) {
      jumps.push_back({key, energy});
    }
  }
}

Decided ZoneSteps::BeyondWindow(uint32_t zone, const Window& window) const {
  constexpr size_t kLast = Grid::kSteps - 1;
  // The ends of a window stand for what is beyond.
  size_t low = grid_.StepOfKey(window.low + 1);
  size_t high = grid_.StepOfKey(window.high - 1);
  while (low > 0 && At(zone, --low) == 0) continue;
  while (high < kLast && At(zone, ++high) == 0) continue;
  Decided decided;
  decided.low = static_cast<int32_t>(low == 0 ? -kBeyond : grid_.LowestOf(low));
  decided.high = static_cast<int32_t>(high == kLast ? kBeyond : grid_.LowestOf(high + 1) - 1);
  for (size_t step = 0; step <= kLast; ++step) {
    decided.below_wh += step < low ? static_cast<int64_t>(At(zone, step)) : 0;
    decided.above_wh += step > high ? static_cast<int64_t>(At(zone, step)) : 0;
  }
  return decided;
}

}  // namespace peerwatt::market::clearing
