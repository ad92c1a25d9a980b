#include "services/market/core/clearing/zones.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>
#include <numeric>
#include <optional>
#include <utility>
#include <vector>

#include "libs/base/check.h"
#include "libs/base/status_macros.h"
#include "services/market/core/clearing/curve.h"
#include "services/market/core/clearing/graph.h"
#include "services/market/core/clearing/grid.h"
#include "services/market/core/clearing/mutant.h"
#include "services/market/core/clearing/rationing.h"
#include "services/market/core/clearing/support.h"
#include "services/market/core/clearing/tree.h"
#include "services/market/core/errors.h"

namespace peerwatt::market::clearing {
namespace {

constexpr int64_t kLimitMax = kPriceMax.micros_per_kwh();
constexpr int64_t kBookEnergyMaxWh = int64_t{1} << 62;
// Price steps of the rounds after the first.
constexpr int64_t kFine = 128;
constexpr size_t kOwnerGroups = 8;
constexpr size_t kBlock = 1024;

// An order whose fill the first round leaves open, or that bounds a price.
struct Candidate {
  uint32_t position = 0;
  uint32_t zone = 0;
  int64_t key = 0;
  int64_t energy_wh = 0;
};

// Keys below `low` count as `low`, keys above `high` as `high`.
struct Window {
  int64_t low = -kKeyInfinite;
  int64_t high = kKeyInfinite;
};

class Clearing {
 public:
  Clearing(std::span<const Entry> book, std::span<const uint32_t> zones, const Network& network)
      : book_(book), zones_(zones), network_(network), size_(network.zones) {
    for (const Edge& edge : network.edges) {
      Line line = {edge.from, edge.to, PW_MUTANT(kFeesDoNotCount, 0, int64_t{4} * edge.fee),
                   kUnlimitedWh, kUnlimitedWh};
      if (edge.capacity.has_value()) {
        line.capacity_wh = std::min(line.capacity_wh, edge.capacity->wh());
      }
      if (PW_MUTANT(kBackwardCapacityIsForgotten, false, edge.capacity_back.has_value())) {
        line.capacity_back_wh = std::min(line.capacity_back_wh, edge.capacity_back->wh());
      }
      lines_.push_back(line);
    }
    forest_ = Forest::Of(size_, lines_);
  }

  absl::StatusOr<bool> Run(Energy energy_min, TieRule tie_rule, Outcome& outcome) {
    PW_RETURN_IF_ERROR(AddUp(energy_min));
    RoughPrices();
    Decide(outcome);
    while (!is_exact_) {
      Refine();
    }
    Settle(tie_rule, outcome);
    return MayHaveSelfTrades();
  }

 private:
  absl::Status AddUp(Energy energy_min) {
    if (book_.size() != zones_.size() || book_.size() >= std::numeric_limits<uint32_t>::max()) {
      return Error(kBookInvalid, "the book is too large, or lacks zones");
    }
    const Limits guess = AddUpOn(GuessGrid(book_), energy_min);
    if (guess.is_invalid || guess.total >= absl::int128(kBookEnergyMaxWh)) {
      return Error(kBookInvalid, "an order of the book is out of range");
    }
    if (guess.low < grid_.low || guess.high > grid_.high()) {
      AddUpOn(GridBetween(guess.low, guess.high), energy_min);
    }
    return absl::OkStatus();
  }

  struct Limits {
    int64_t low = kLimitMax;
    int64_t high = -kLimitMax;
    bool is_invalid = false;
    absl::int128 total = 0;
  };
  Limits AddUpOn(const Grid grid, Energy energy_min) {
    grid_ = grid;
    by_step_.assign(static_cast<size_t>(size_ * grid_.steps), 0);
    demand_.assign(size_, 0);
    Limits limits;  // The loop's own sums are local: what it writes could be what it reads.
    int64_t lowest = limits.low;
    int64_t highest = limits.high;
    uint64_t* const by_step = by_step_.data();
    bool is_invalid = false;
    for (size_t start = 0; start < book_.size(); start += kBlock) {
      uint64_t sum = 0;
      for (size_t i = start; i < std::min(book_.size(), start + kBlock); ++i) {
        const Entry& entry = book_[i];
        const uint64_t energy = static_cast<uint64_t>(entry.energy.wh());
        is_invalid |= entry.energy < energy_min || entry.energy > kEnergyMax;
        if (zones_[i] >= size_) [[unlikely]] {
          limits.is_invalid = true;
          return limits;
        }
        lowest = std::min<int64_t>(lowest, entry.limit);
        highest = std::max<int64_t>(highest, entry.limit);
        sum += energy;
        by_step[zones_[i] * static_cast<size_t>(grid.steps) + grid.StepOf(entry.limit)] += energy;
        demand_[zones_[i]] += energy & (static_cast<uint64_t>(entry.way()) - 1);
      }
      limits.total += sum;
      limits.low = lowest;
      limits.high = highest;
      limits.is_invalid = is_invalid || lowest < -kLimitMax || highest > kLimitMax;
      if (limits.is_invalid) {
        break;
      }
    }
    return limits;
  }

  // Finds all prices but for a step.
  void RoughPrices() {
    curves_.resize(size_);
    for (uint32_t zone = 0; zone < size_; ++zone) {
      curves_[zone].demand_wh = static_cast<int64_t>(demand_[zone]);
      for (int64_t step = 0; step < grid_.steps; ++step) {
        if (const uint64_t energy = StepEnergy(zone, static_cast<size_t>(step)); energy > 0) {
          curves_[zone].jumps.push_back(
              {4 * (grid_.low + (step << grid_.shift)) - 1, static_cast<int64_t>(energy)});
        }
      }
    }
    windows_.assign(size_, Window());
    Narrow((int64_t{4} << grid_.shift) - 2);
  }

  uint64_t StepEnergy(uint32_t zone, size_t step) const {
    return by_step_[zone * static_cast<size_t>(grid_.steps) + step];
  }

  // Balances the curves, whose keys are up to `rounded` too low, and narrows the windows to where
  // the prices are.
  void Narrow(int64_t rounded) {
    balance_ = forest_.has_value() ? forest_->Solve(lines_, curves_) : SolveGraph(lines_, curves_);
    for (uint32_t zone = 0; zone < size_; ++zone) {
      const int64_t low = balance_.keys[zone] - 1;
      const int64_t high = balance_.keys[zone] + rounded + 1;
      Window& window = windows_[zone];
      window = {std::clamp(window.low, low, high), std::clamp(window.high, low, high)};
    }
  }

  // Fills what lies clear of the windows, sets aside what lies in them and, to bound the prices,
  // what is in the nearest steps on either side that have energy.
  void Decide(Outcome& outcome) {
    struct Bounds {
      int64_t low = 0;
      int64_t high = 0;
    };
    std::vector<Bounds> bounds(size_);
    below_.assign(size_, 0);
    above_.assign(size_, 0);
    const size_t last = static_cast<size_t>(grid_.steps) - 1;
    for (uint32_t zone = 0; zone < size_; ++zone) {
      size_t low = grid_.StepOfKey(windows_[zone].low);
      size_t high = grid_.StepOfKey(windows_[zone].high);
      while (low > 0 && StepEnergy(zone, --low) == 0) continue;
      while (high < last && StepEnergy(zone, ++high) == 0) continue;
      bounds[zone] = {
          low == 0 ? -2 * kLimitMax : grid_.low + (static_cast<int64_t>(low) << grid_.shift),
          high == last ? 2 * kLimitMax
                       : grid_.low + (static_cast<int64_t>(high + 1) << grid_.shift) - 1};
      for (size_t step = 0; step <= last; ++step) {
        below_[zone] += step < low ? static_cast<int64_t>(StepEnergy(zone, step)) : 0;
        above_[zone] += step > high ? static_cast<int64_t>(StepEnergy(zone, step)) : 0;
      }
    }
    outcome.fills.resize(book_.size());
    by_owner_.assign(size_ * kOwnerGroups, 0);
    absl::int128 welfare = 0;
    int64_t bought = 0;
    // Candidates are noted without a branch, which would be guessed wrong too often.
    std::array<uint32_t, kBlock> noted;
    for (size_t start = 0; start < book_.size(); start += kBlock) {
      size_t count = 0;
      for (size_t i = start; i < std::min(book_.size(), start + kBlock); ++i) {
        const Entry& entry = book_[i];
        const Bounds& bound = bounds[zones_[i]];
        const int64_t is_bid = static_cast<int64_t>(entry.way()) - 1;
        const int64_t is_low = -static_cast<int64_t>(entry.limit < bound.low);
        const int64_t is_high = -static_cast<int64_t>(entry.limit > bound.high);
        const int64_t fill = entry.energy.wh() & ((is_bid & is_high) | (~is_bid & is_low));
        outcome.fills[i] = Energy::WattHours(fill);
        bought += fill & is_bid;
        by_owner_[zones_[i] * kOwnerGroups + entry.owner() % kOwnerGroups] +=
            static_cast<uint64_t>(fill);
        welfare += absl::int128(WorthOf(entry)) * fill;
        noted[count] = static_cast<uint32_t>(i);
        count += static_cast<size_t>(1 + (is_low | is_high));
      }
      for (size_t n = 0; n < count; ++n) {
        const uint32_t i = noted[n];
        candidates_.push_back({i, zones_[i], KeyOf(book_[i]), book_[i].energy.wh()});
      }
    }
    outcome.energy = Energy::WattHours(bought);
    outcome.welfare_milli_micros = welfare;
  }

  // One round on the candidates alone, with finer steps in each zone's window.
  void Refine() {
    int64_t width = 0;
    for (const Window& window : windows_) {
      width = std::max(width, window.high - window.low);
    }
    unsigned shift = 0;
    while ((width >> shift) >= kFine) {
      ++shift;
    }
    constexpr size_t kSteps = static_cast<size_t>(kFine);
    by_step_.assign(size_ * kSteps, 0);
    const auto add = [&](uint32_t zone, int64_t key, int64_t energy) {
      const Window& window = windows_[zone];
      const int64_t offset = std::clamp(key, window.low, window.high) - window.low;
      by_step_[zone * kSteps + static_cast<size_t>(offset >> shift)] +=
          static_cast<uint64_t>(energy);
    };
    for (const Candidate& candidate : candidates_) {
      add(candidate.zone, candidate.key, candidate.energy_wh);
    }
    for (uint32_t zone = 0; zone < size_; ++zone) {
      add(zone, windows_[zone].low, below_[zone]);
      add(zone, windows_[zone].high, above_[zone]);
      curves_[zone].jumps.clear();
      for (size_t step = 0; step < kSteps; ++step) {
        if (const uint64_t energy = by_step_[zone * kSteps + step]; energy > 0) {
          curves_[zone].jumps.push_back({windows_[zone].low + (static_cast<int64_t>(step) << shift),
                                         static_cast<int64_t>(energy)});
        }
      }
    }
    effective_ = windows_;
    is_exact_ = shift == 0;
    Narrow((int64_t{1} << shift) - 1);
  }

  // Fills the candidates at the exact prices, and finds the prices' bounds.
  void Settle(TieRule tie_rule, Outcome& outcome) {
    std::vector<int64_t> marginal_wh(size_);  // What the marginal orders of a zone bring to market.
    for (uint32_t zone = 0; zone < size_; ++zone) {
      marginal_wh[zone] = static_cast<int64_t>(demand_[zone]) - below_[zone];
    }
    for (size_t i = 0; i < lines_.size(); ++i) {
      marginal_wh[lines_[i].from] += balance_.flows_wh[i];
      marginal_wh[lines_[i].to] -= balance_.flows_wh[i];
    }
    std::vector<Candidate> marginal;
    for (const Candidate& candidate : candidates_) {
      const uint32_t zone = candidate.zone;
      const int64_t key = std::clamp(candidate.key, effective_[zone].low, effective_[zone].high);
      const bool is_bid = book_[candidate.position].way() == Way::kBuy;
      if (key == balance_.keys[zone]) {
        marginal.push_back(candidate);
        continue;
      }
      const bool is_below = key < balance_.keys[zone];
      marginal_wh[zone] -= is_below ? candidate.energy_wh : 0;
      outcome.fills[candidate.position] =
          Energy::WattHours(is_below != is_bid ? candidate.energy_wh : 0);
    }
    FillMarginal(std::move(marginal), marginal_wh, tie_rule, outcome);
    for (const Candidate& candidate : candidates_) {
      const Entry& entry = book_[candidate.position];
      const int64_t fill = outcome.fills[candidate.position].wh();
      outcome.energy += Energy::WattHours(entry.way() == Way::kBuy ? fill : 0);
      outcome.welfare_milli_micros += absl::int128(WorthOf(entry)) * fill;
      by_owner_[candidate.zone * kOwnerGroups + entry.owner() % kOwnerGroups] +=
          static_cast<uint64_t>(fill);
    }
    outcome.withdrawn.clear();
    outcome.flows.resize(lines_.size());
    for (size_t i = 0; i < lines_.size(); ++i) {
      const int64_t flow = balance_.flows_wh[i];
      outcome.flows[i].energy_wh = flow;
      outcome.welfare_milli_micros -=
          absl::int128(network_.edges[i].fee) * (flow < 0 ? -flow : flow);
    }
    BoundPrices(outcome);
  }

  void FillMarginal(std::vector<Candidate> marginal, const std::vector<int64_t>& marginal_wh,
                    TieRule tie_rule, Outcome& outcome) {
    std::sort(marginal.begin(), marginal.end(), [](const Candidate& a, const Candidate& b) {
      return a.zone != b.zone ? a.zone < b.zone : a.position < b.position;
    });
    for (size_t start = 0; start < marginal.size();) {
      const uint32_t zone = marginal[start].zone;
      int64_t total = 0;
      std::vector<uint64_t> level;
      size_t end = start;
      for (; end < marginal.size() && marginal[end].zone == zone; ++end) {
        total += marginal[end].energy_wh;
        level.push_back(marginal[end].position);
      }
      const int64_t used = marginal_wh[zone];
      PW_CHECK(used >= 0 && used <= total, "a zone is not balanced");
      const bool is_bid = book_[marginal[start].position].way() == Way::kBuy;
      if (used > 0 && used < total) {
        Ration(book_, level, is_bid ? total - used : used, tie_rule, outcome.fills);
      } else {
        for (size_t i = start; i < end; ++i) {
          const bool fills = (book_[marginal[i].position].way() == Way::kBuy) == (used == 0);
          outcome.fills[marginal[i].position] =
              Energy::WattHours(fills ? marginal[i].energy_wh : 0);
        }
      }
      start = end;
    }
  }

  // What arrives in a zone may belong to anybody. As long as nobody buys and sells more in a zone
  // than is offered there, everybody can be kept apart from himself whoever the rest belongs to.
  bool MayHaveSelfTrades() const {
    std::vector<int64_t> exported(size_, 0);
    for (size_t i = 0; i < lines_.size(); ++i) {
      exported[lines_[i].from] += balance_.flows_wh[i];
      exported[lines_[i].to] -= balance_.flows_wh[i];
    }
    for (uint32_t zone = 0; zone < size_; ++zone) {
      const auto first = by_owner_.begin() + static_cast<std::ptrdiff_t>(zone * kOwnerGroups);
      const auto last = first + static_cast<std::ptrdiff_t>(kOwnerGroups);
      // Sold and bought make up the fills; sold less bought is what is exported.
      const uint64_t fills = std::accumulate(first, last, uint64_t{0});
      const int64_t sold = (static_cast<int64_t>(fills) + exported[zone]) / 2;
      if (static_cast<int64_t>(*std::max_element(first, last)) > sold) {
        return true;
      }
    }
    return false;
  }

  // Of one zone, what its own orders say; over all, what the lines add.
  void BoundPrices(Outcome& outcome) {
    std::vector<ZonePrice> own = UnboundedPrices(network_);
    for (const Candidate& candidate : candidates_) {
      const Entry& entry = book_[candidate.position];
      const Energy fill = outcome.fills[candidate.position];
      ZonePrice& price = own[candidate.zone];
      const bool is_bid = entry.way() == Way::kBuy;
      if (is_bid ? fill < entry.energy : fill > Energy()) {
        price.low = std::max<int64_t>(price.low, entry.limit);
      }
      if (is_bid ? fill > Energy() : fill < entry.energy) {
        price.high = std::min<int64_t>(price.high, entry.limit);
      }
    }
    SupportPrices(network_, std::move(own), outcome);
  }

  std::span<const Entry> book_;
  std::span<const uint32_t> zones_;
  const Network& network_;
  const uint32_t size_;
  std::vector<Line> lines_;
  std::optional<Forest> forest_;
  Grid grid_;
  std::vector<uint64_t> by_step_;  // Energy of both sides by zone and step.
  std::vector<uint64_t> demand_;
  std::vector<Curve> curves_;
  std::vector<Window> windows_;
  std::vector<Window> effective_;  // The windows of the last balance.
  std::vector<int64_t> below_;     // Energy decided below and above the windows.
  std::vector<int64_t> above_;
  std::vector<uint64_t> by_owner_;  // Fills by zone and group of owners.
  std::vector<Candidate> candidates_;
  Balance balance_;
  bool is_exact_ = false;
};

}  // namespace

absl::StatusOr<bool> CrossZones(std::span<const Entry> book, std::span<const uint32_t> zones,
                                const Network& network, Energy energy_min, TieRule tie_rule,
                                Outcome& outcome) {
  return Clearing(book, zones, network).Run(energy_min, tie_rule, outcome);
}

}  // namespace peerwatt::market::clearing
