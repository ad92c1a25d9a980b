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
#include "libs/base/prefetch.h"
#include "libs/base/status_macros.h"
#include "services/market/core/clearing/candidates.h"
#include "services/market/core/clearing/curve.h"
#include "services/market/core/clearing/graph.h"
#include "services/market/core/clearing/grid.h"
#include "services/market/core/clearing/mutant.h"
#include "services/market/core/clearing/rationing.h"
#include "services/market/core/clearing/support.h"
#include "services/market/core/clearing/tree.h"
#include "services/market/core/clearing/zone_steps.h"

namespace peerwatt::market::clearing {
namespace {

// Price steps of the rounds after the first.
constexpr int64_t kFine = 128;
// Up to so many candidates in a zone, on average, they are ranked, and one round is enough.
constexpr size_t kRanked = 128;
constexpr size_t kOwnerGroups = 8;
constexpr size_t kBlock = 1024;

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
    PW_RETURN_IF_ERROR(steps_.AddUp(book_, zones_, size_, energy_min));
    RoughPrices();
    Decide(outcome);
    if (PW_MUTANT(kPricesAreNarrowedInRounds, false, candidates_.size() <= kRanked * size_)) {
      Rank();
    }
    while (!is_exact_) {
      Refine();
    }
    Settle(tie_rule, outcome);
    return MayHaveSelfTrades();
  }

 private:
  // Finds all prices but for a step: first among a few wide ones, then within what is left.
  void RoughPrices() {
    curves_.resize(size_);
    windows_.assign(size_, Window());
    for (uint32_t zone = 0; zone < size_; ++zone) {
      curves_[zone].demand_wh = steps_.DemandWh(zone);
    }
    for (const size_t group : {size_t{16}, size_t{4}, size_t{1}}) {
      for (uint32_t zone = 0; zone < size_; ++zone) {
        steps_.AddJumps(zone, group, windows_[zone], curves_[zone].jumps);
      }
      Narrow(steps_.Rounding(group));
    }
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
    decided_.clear();
    for (uint32_t zone = 0; zone < size_; ++zone) {
      decided_.push_back(steps_.BeyondWindow(zone, windows_[zone]));
    }
    outcome.fills.resize(book_.size());
    by_owner_.assign(size_ * kOwnerGroups, 0);
    absl::int128 welfare = 0;
    int64_t net = 0;  // Bought less sold.
    int64_t total = 0;
    // Read once: what is written in the loop could be what is read.
    const Entry* const book = book_.data();
    const uint32_t* const zones = zones_.data();
    const Decided* const decided = decided_.data();
    Energy* const fills = outcome.fills.data();
    uint64_t* const by_owner = by_owner_.data();
    // Candidates are noted without a branch, which would be guessed wrong too often.
    std::vector<uint32_t> noted;
    size_t count = 0;
    for (size_t start = 0; start < book_.size(); start += kBlock) {
      const size_t end = std::min(book_.size(), start + kBlock);
      if (noted.size() < count + kBlock) {
        noted.resize(2 * count + kBlock);
      }
      uint32_t* const notes = noted.data();
      for (size_t i = start; i < end; ++i) {
        const Entry& entry = book[i];
        PrefetchAhead(&entry);
        PrefetchAheadToWrite(&fills[i]);
        const uint32_t zone = zones[i];
        const Decided& bounds = decided[zone];
        const int64_t is_bid = static_cast<int64_t>(entry.way()) - 1;
        const int64_t is_low = -static_cast<int64_t>(entry.limit < bounds.low);
        const int64_t is_high = -static_cast<int64_t>(entry.limit > bounds.high);
        const int64_t fill = entry.energy.wh() & ((is_bid & is_high) | (~is_bid & is_low));
        fills[i] = Energy::WattHours(fill);
        notes[count] = static_cast<uint32_t>(i);
        count += static_cast<size_t>(1 + (is_low | is_high));
      }
      // Apart, so that either loop has what it adds up in registers.
      for (size_t i = start; i < end; ++i) {
        const Entry& entry = book[i];
        const int64_t fill = fills[i].wh();
        const int64_t is_offer = -static_cast<int64_t>(entry.way());
        const int64_t signed_wh = (fill ^ is_offer) - is_offer;
        net += signed_wh;
        total += fill;
        welfare += absl::int128(entry.limit) * signed_wh;
        by_owner[zones[i] * kOwnerGroups + entry.owner() % kOwnerGroups] +=
            static_cast<uint64_t>(fill);
      }
    }
    noted.resize(count);
    candidates_ = Candidates(book_, zones_, size_, noted);
    outcome.energy = Energy::WattHours((total + net) / 2);
    outcome.welfare_milli_micros = welfare;
  }

  // Finds the exact prices at once, from curves of the ranked candidates.
  void Rank() {
    for (uint32_t zone = 0; zone < size_; ++zone) {
      RankJumps(candidates_.Of(zone), windows_[zone], decided_[zone].below_wh,
                decided_[zone].above_wh, curves_[zone].jumps);
    }
    effective_ = windows_;
    is_exact_ = true;
    Narrow(0);
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
    for (uint32_t zone = 0; zone < size_; ++zone) {
      for (const Candidate& candidate : candidates_.Of(zone)) {
        add(zone, KeyOf(candidate.entry), candidate.entry.energy.wh());
      }
      add(zone, windows_[zone].low, decided_[zone].below_wh);
      add(zone, windows_[zone].high, decided_[zone].above_wh);
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
      marginal_wh[zone] = steps_.DemandWh(zone) - decided_[zone].below_wh;
    }
    for (size_t i = 0; i < lines_.size(); ++i) {
      marginal_wh[lines_[i].from] += balance_.flows_wh[i];
      marginal_wh[lines_[i].to] -= balance_.flows_wh[i];
    }
    std::vector<ZonePrice> own = UnboundedPrices(network_);
    for (uint32_t zone = 0; zone < size_; ++zone) {
      SettleZone(zone, marginal_wh[zone], tie_rule, own[zone], outcome);
    }
    outcome.withdrawn.clear();
    outcome.flows.resize(lines_.size());
    for (size_t i = 0; i < lines_.size(); ++i) {
      const int64_t flow = balance_.flows_wh[i];
      outcome.flows[i].energy_wh = flow;
      outcome.welfare_milli_micros -=
          absl::int128(network_.edges[i].fee) * (flow < 0 ? -flow : flow);
    }
    SupportPrices(network_, std::move(own), outcome);
  }

  // marginal_wh: before what decided candidates bring. own: what the zone's orders say.
  void SettleZone(uint32_t zone, int64_t marginal_wh, TieRule tie_rule, ZonePrice& own,
                  Outcome& outcome) {
    const Window window = effective_[zone];
    const int64_t zone_key = balance_.keys[zone];
    int64_t bought = 0;
    absl::int128 welfare = 0;
    const auto account = [&](const Entry& entry, int64_t fill) {
      const bool is_bid = entry.way() == Way::kBuy;
      const bool has_left = fill < entry.energy.wh();
      bought += is_bid ? fill : 0;
      welfare += absl::int128(WorthOf(entry)) * fill;
      by_owner_[zone * kOwnerGroups + entry.owner() % kOwnerGroups] += static_cast<uint64_t>(fill);
      if (is_bid ? has_left : fill > 0) {
        own.low = std::max<int64_t>(own.low, entry.limit);
      }
      if (is_bid ? fill > 0 : has_left) {
        own.high = std::min<int64_t>(own.high, entry.limit);
      }
    };
    level_.clear();
    for (const Candidate& candidate : candidates_.Of(zone)) {
      const Entry& entry = candidate.entry;
      const int64_t key = std::clamp(KeyOf(entry), window.low, window.high);
      if (key == zone_key) {
        level_.push_back(candidate.position);
        continue;
      }
      const int64_t energy = entry.energy.wh();
      marginal_wh -= key < zone_key ? energy : 0;
      const int64_t fill = (key < zone_key) != (entry.way() == Way::kBuy) ? energy : 0;
      if (fill > 0) {  // None is what it has.
        outcome.fills[candidate.position] = Energy::WattHours(fill);
      }
      account(entry, fill);
    }
    FillMarginal(marginal_wh, tie_rule, outcome.fills);
    for (const uint64_t position : level_) {
      account(book_[position], outcome.fills[position].wh());
    }
    outcome.energy += Energy::WattHours(bought);
    outcome.welfare_milli_micros += welfare;
  }

  // Fills the orders at a zone's price.
  void FillMarginal(int64_t used_wh, TieRule tie_rule, std::vector<Energy>& fills) {
    if (level_.empty()) {
      return;
    }
    int64_t total = 0;
    for (const uint64_t position : level_) {
      total += book_[position].energy.wh();
    }
    PW_CHECK(used_wh >= 0 && used_wh <= total, "a zone is not balanced");
    const bool is_bid = book_[level_[0]].way() == Way::kBuy;
    if (used_wh > 0 && used_wh < total) {
      Ration(book_, level_, is_bid ? total - used_wh : used_wh, tie_rule, fills);
      return;
    }
    for (const uint64_t position : level_) {
      const bool is_filled = (book_[position].way() == Way::kBuy) == (used_wh == 0);
      fills[position] = is_filled ? book_[position].energy : Energy();
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

  std::span<const Entry> book_;
  std::span<const uint32_t> zones_;
  const Network& network_;
  const uint32_t size_;
  std::vector<Line> lines_;
  std::optional<Forest> forest_;
  ZoneSteps steps_;
  std::vector<uint64_t> by_step_;  // Energy of both sides by zone and step.
  std::vector<Curve> curves_;
  std::vector<Window> windows_;
  std::vector<Window> effective_;  // The windows of the last balance.
  std::vector<Decided> decided_;
  std::vector<uint64_t> by_owner_;  // Fills by zone and group of owners.
  Candidates candidates_;
  std::vector<uint64_t> level_;  // Orders at the price of the zone that is settled.
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
