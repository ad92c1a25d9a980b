#include "services/market/core/clearing/circulation.h"

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <functional>
#include <limits>
#include <queue>
#include <utility>

#include "libs/base/check.h"
#include "services/market/core/clearing/mutant.h"

namespace peerwatt::market::clearing {
namespace {

constexpr int64_t kUnreached = std::numeric_limits<int64_t>::max() / 2;
constexpr uint32_t kNoLevel = std::numeric_limits<uint32_t>::max();

// An arc as its tail or its head sees it, a way to move energy on or to take it back, with what can
// be moved that way at one cost. All of a node lie side by side: they are what is looked at most.
struct Step {
  int64_t cost = 0;
  int64_t room_wh = 0;
  uint32_t next = 0;
  uint32_t arc = 0;
};

class Solver {
 public:
  Solver(uint32_t nodes, std::span<const Arc> arcs)
      : nodes_(nodes), arcs_(arcs), flows_(arcs.size(), 0), potentials_(nodes, 0) {
    first_step_.assign(size_t{nodes} + 1, 0);
    for (const Arc& arc : arcs) {
      ++first_step_[arc.tail + 1];
      ++first_step_[arc.head + 1];
    }
    for (uint32_t node = 0; node < nodes; ++node) {
      first_step_[node + 1] += first_step_[node];
    }
    steps_.resize(2 * arcs.size());
    forward_.resize(arcs.size());
    back_.resize(arcs.size());
    std::vector<uint32_t> next(first_step_.begin(), first_step_.end() - 1);
    ends_.resize(arcs.size());
    for (uint32_t i = 0; i < arcs.size(); ++i) {
      forward_[i] = next[arcs[i].tail]++;
      back_[i] = next[arcs[i].head]++;
      steps_[forward_[i]] = {0, 0, arcs[i].head, i};
      steps_[back_[i]] = {0, 0, arcs[i].tail, i};
      int64_t end = 0;
      for (const Jump& piece : arcs[i].pieces) {
        ends_[i].push_back(end += piece.energy_wh);
      }
    }
  }

  Circulation Run() {
    int64_t cost_max = 0;
    for (const Arc& arc : arcs_) {
      for (const Jump& piece : arc.pieces) {
        cost_max = std::max(cost_max, piece.key < 0 ? -piece.key : piece.key);
      }
    }
    while (cost_max >> shift_ > 2) {
      ++shift_;
    }
    Start();
    while (true) {
      Fit();
      while (ShortestPaths()) {
        while (Level()) {
          Augment();
        }
      }
      if (shift_ <= PW_MUTANT(kRoughCostsAreKept, 1u, 0u)) {
        break;
      }
      --shift_;
      for (int64_t& potential : potentials_) {
        potential *= 2;
      }
    }
    return {std::move(flows_), std::move(potentials_)};
  }

 private:
  int64_t Rounded(int64_t cost) const { return cost >> shift_; }

  // Potentials at which no arc without a limit is worth using. They stay so: halving the step makes
  // an arc dearer or leaves it.
  void Start() {
    bool changed = true;
    for (uint32_t round = 0; changed; ++round) {
      PW_CHECK(round <= nodes_, "arcs without limits close a circle that pays");
      changed = false;
      for (const Arc& arc : arcs_) {
        if (arc.pieces[0].energy_wh < kUnlimitedWh) {
          continue;
        }
        const int64_t most = potentials_[arc.tail] + Rounded(arc.pieces[0].key);
        changed |= potentials_[arc.head] > most;
        potentials_[arc.head] = std::min(potentials_[arc.head], most);
      }
    }
  }

  // Every arc moves what fits the potentials, as near to what it moved as can be; nodes may then
  // have too much or too little.
  void Fit() {
    excess_.assign(nodes_, 0);
    for (uint32_t i = 0; i < arcs_.size(); ++i) {
      const Arc& arc = arcs_[i];
      const int64_t gain = potentials_[arc.head] - potentials_[arc.tail];
      const auto energy_below = [&](int64_t rounded) {
        const auto piece =
            std::partition_point(arc.pieces.begin(), arc.pieces.end(),
                                 [&](const Jump& jump) { return Rounded(jump.key) < rounded; });
        return piece == arc.pieces.begin()
                   ? 0
                   : ends_[i][static_cast<size_t>(piece - arc.pieces.begin()) - 1];
      };
      flows_[i] = std::clamp(flows_[i], energy_below(gain), energy_below(gain + 1));
      excess_[arc.head] += flows_[i];
      excess_[arc.tail] -= flows_[i];
      Look(i);
    }
  }

  // Notes what an arc can move more, and less, at the next cost.
  void Look(uint32_t i) {
    const std::vector<int64_t>& ends = ends_[i];
    const std::vector<Jump>& pieces = arcs_[i].pieces;
    const int64_t flow = flows_[i];
    Step& forward = steps_[forward_[i]];
    Step& back = steps_[back_[i]];
    if (pieces.size() == 1) {
      forward.cost = Rounded(pieces[0].key);
      forward.room_wh = ends[0] - flow;
      back.cost = -forward.cost;
      back.room_wh = flow;
      return;
    }
    const auto is_cheaper = [&](const Jump& jump, int64_t cost) {
      return Rounded(jump.key) < cost;
    };
    const size_t next =
        static_cast<size_t>(std::upper_bound(ends.begin(), ends.end(), flow) - ends.begin());
    forward.room_wh = 0;
    if (next < ends.size()) {
      forward.cost = Rounded(pieces[next].key);
      const auto last = std::lower_bound(pieces.begin() + static_cast<std::ptrdiff_t>(next),
                                         pieces.end(), forward.cost + 1, is_cheaper);
      forward.room_wh = ends[static_cast<size_t>(last - pieces.begin()) - 1] - flow;
    }
    back.room_wh = 0;
    if (flow > 0) {
      const auto used = std::lower_bound(ends.begin(), ends.end(), flow) - ends.begin();
      const int64_t cost = Rounded(pieces[static_cast<size_t>(used)].key);
      const auto first = std::lower_bound(pieces.begin(), pieces.begin() + used, cost, is_cheaper);
      const int64_t before =
          first == pieces.begin() ? 0 : ends[static_cast<size_t>(first - pieces.begin()) - 1];
      back.cost = -cost;
      back.room_wh = flow - before;
    }
  }

  std::span<const Step> StepsFrom(uint32_t node) const {
    return std::span(steps_).subspan(first_step_[node], first_step_[node + 1] - first_step_[node]);
  }
  int64_t ReducedCost(uint32_t node, const Step& step) const {
    return step.cost + potentials_[node] - potentials_[step.next];
  }

  // Dijkstra from all nodes with too much to the nearest with too little. Moves the potentials by
  // the distances. Returns whether there is such a path.
  bool ShortestPaths() {
    using Reached = std::pair<int64_t, uint32_t>;
    std::priority_queue<Reached, std::vector<Reached>, std::greater<>> queue;
    std::vector<int64_t> distances(nodes_, kUnreached);
    for (uint32_t node = 0; node < nodes_; ++node) {
      if (excess_[node] > 0) {
        distances[node] = 0;
        queue.push({0, node});
      }
    }
    int64_t nearest = -1;
    while (!queue.empty()) {
      const auto [distance, node] = queue.top();
      queue.pop();
      if (distance > distances[node]) {
        continue;
      }
      if (excess_[node] < 0) {
        nearest = distance;
        break;
      }
      for (const Step& step : StepsFrom(node)) {
        if (step.room_wh == 0) {
          continue;
        }
        const int64_t reduced = ReducedCost(node, step);
        PW_CHECK(reduced >= 0, "a potential is wrong");
        if (distance + reduced < distances[step.next]) {
          distances[step.next] = distance + reduced;
          queue.push({distance + reduced, step.next});
        }
      }
    }
    if (nearest < 0) {
      return false;
    }
    for (uint32_t node = 0; node < nodes_; ++node) {
      potentials_[node] += std::min(distances[node], nearest);
    }
    return true;
  }

  // Counts steps from the nodes with too much along arcs that cost nothing. Returns whether a node
  // with too little is reached.
  bool Level() {
    levels_.assign(nodes_, kNoLevel);
    std::vector<uint32_t> queue;
    for (uint32_t node = 0; node < nodes_; ++node) {
      if (excess_[node] > 0) {
        levels_[node] = 0;
        queue.push_back(node);
      }
    }
    bool is_reached = false;
    for (size_t at = 0; at < queue.size(); ++at) {
      const uint32_t node = queue[at];
      is_reached = is_reached || excess_[node] < 0;
      for (const Step& step : StepsFrom(node)) {
        if (step.room_wh > 0 && levels_[step.next] == kNoLevel && ReducedCost(node, step) == 0) {
          levels_[step.next] = levels_[node] + 1;
          queue.push_back(step.next);
        }
      }
    }
    return is_reached;
  }

  // Moves as much as the levels let pass.
  void Augment() {
    next_.assign(first_step_.begin(), first_step_.end() - 1);
    for (uint32_t source = 0; source < nodes_; ++source) {
      while (excess_[source] > 0 && FindPath(source)) {
        MovePath(source);
      }
    }
  }

  // Finds a path down the levels to a node with too little. What leads nowhere is not tried again.
  bool FindPath(uint32_t source) {
    path_.clear();
    uint32_t node = source;
    while (excess_[node] >= 0) {
      uint32_t& at = next_[node];
      while (at < first_step_[node + 1] && !IsDown(node, steps_[at])) {
        ++at;
      }
      if (at < first_step_[node + 1]) {
        path_.push_back(node);
        node = steps_[at].next;
        continue;
      }
      levels_[node] = kNoLevel;
      if (path_.empty()) {
        return false;
      }
      node = path_.back();
      path_.pop_back();
      ++next_[node];
    }
    target_ = node;
    return true;
  }

  bool IsDown(uint32_t node, const Step& step) const {
    return step.room_wh > 0 && levels_[step.next] == levels_[node] + 1 &&
           ReducedCost(node, step) == 0;
  }

  void MovePath(uint32_t source) {
    int64_t energy = std::min(excess_[source], -excess_[target_]);
    for (const uint32_t node : path_) {
      energy = std::min(energy, steps_[next_[node]].room_wh);
    }
    PW_CHECK(energy > 0, "a path without room");
    for (const uint32_t node : path_) {
      const Step& step = steps_[next_[node]];
      flows_[step.arc] += next_[node] == forward_[step.arc] ? energy : -energy;
      Look(step.arc);
    }
    excess_[source] -= energy;
    excess_[target_] += energy;
  }

  const uint32_t nodes_;
  std::span<const Arc> arcs_;
  std::vector<std::vector<int64_t>> ends_;  // Energy up to the end of each piece.
  std::vector<int64_t> flows_;
  std::vector<int64_t> potentials_;  // In steps of 2^shift_.
  unsigned shift_ = 0;
  std::vector<int64_t> excess_;
  std::vector<uint32_t> forward_;  // The steps of each arc.
  std::vector<uint32_t> back_;
  std::vector<uint32_t> first_step_;  // By node.
  std::vector<Step> steps_;
  std::vector<uint32_t> levels_;
  std::vector<uint32_t> next_;  // The step to try next, by node.
  std::vector<uint32_t> path_;
  uint32_t target_ = 0;
};

}  // namespace

Circulation CheapestCirculation(uint32_t nodes, std::span<const Arc> arcs) {
  return Solver(nodes, arcs).Run();
}

}  // namespace peerwatt::market::clearing
