#include "services/market/core/clearing/graph.h"

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <functional>
#include <queue>
#include <utility>

#include "libs/base/check.h"
#include "services/market/core/clearing/circles.h"

namespace peerwatt::market::clearing {
namespace {

constexpr int64_t kUnreached = int64_t{1} << 61;

// One way energy can be moved: along a line, against it, or between a zone and the market's orders,
// which are one more node, the last.
struct Step {
  enum class Kind { kNone, kLine, kLineBack, kUseJump, kReleaseJump };
  Kind kind = Kind::kNone;
  uint32_t index = 0;  // Line, or zone of the jump.
  uint32_t from = 0;
};

class Solver {
 public:
  Solver(std::span<const Line> lines, std::span<const Curve> curves)
      : lines_(lines),
        curves_(curves),
        orders_(static_cast<uint32_t>(curves.size())),
        lines_at_(curves.size()),
        flows_(lines.size(), 0),
        used_(curves.size(), 0),
        partly_(curves.size(), 0),
        potentials_(curves.size() + 1, 0),
        excess_(curves.size() + 1, 0) {
    for (uint32_t i = 0; i < lines.size(); ++i) {
      lines_at_[lines[i].from].push_back(i);
      lines_at_[lines[i].to].push_back(i);
    }
  }

  Balance Run() {
    Start();
    while (ShortestPaths()) {
      Augment();
    }
    Balance balance;
    balance.keys.assign(potentials_.begin(), potentials_.end() - 1);
    for (int64_t& key : balance.keys) {
      key -= potentials_.back();
    }
    std::vector<Ends> ends;
    for (const Line& line : lines_) {
      ends.push_back({line.from, line.to});
    }
    CancelCircles(orders_, ends, flows_);
    balance.flows_wh = flows_;
    return balance;
  }

 private:
  // One price everywhere: the orders' own choice at it, and no flow, fit each other; only the
  // balance of the zones is missing.
  void Start() {
    std::vector<int64_t> keys;
    for (const Curve& curve : curves_) {
      for (const Jump& jump : curve.jumps) {
        keys.push_back(jump.key);
      }
    }
    int64_t key = 0;
    if (!keys.empty()) {
      const auto middle = keys.begin() + static_cast<std::ptrdiff_t>(keys.size() / 2);
      std::nth_element(keys.begin(), middle, keys.end());
      key = *middle;
    }
    for (uint32_t zone = 0; zone < orders_; ++zone) {
      potentials_[zone] = key;
      excess_[zone] = -curves_[zone].demand_wh;
      const std::vector<Jump>& jumps = curves_[zone].jumps;
      while (used_[zone] < jumps.size() && jumps[used_[zone]].key < key) {
        excess_[zone] += jumps[used_[zone]++].energy_wh;
      }
      excess_[orders_] -= excess_[zone];
    }
  }

  // The next jump of a zone is used up to `partly_`; the ones before it wholly.
  bool CanUse(uint32_t zone) const { return used_[zone] < curves_[zone].jumps.size(); }
  bool CanRelease(uint32_t zone) const { return used_[zone] > 0 || partly_[zone] > 0; }
  const Jump& NextUsed(uint32_t zone) const { return curves_[zone].jumps[used_[zone]]; }
  const Jump& LastUsed(uint32_t zone) const {
    return curves_[zone].jumps[partly_[zone] > 0 ? used_[zone] : used_[zone] - 1];
  }

  int64_t RoomOf(const Step& step) const {
    switch (step.kind) {
      case Step::Kind::kLine:
        return lines_[step.index].capacity_wh - flows_[step.index];
      case Step::Kind::kLineBack:
        return lines_[step.index].capacity_back_wh + flows_[step.index];
      case Step::Kind::kUseJump:
        return NextUsed(step.index).energy_wh - partly_[step.index];
      case Step::Kind::kReleaseJump:
        return partly_[step.index] > 0 ? partly_[step.index] : LastUsed(step.index).energy_wh;
      case Step::Kind::kNone:
        return 0;
    }
    return 0;
  }

  // What is left of a flow against the step costs less than nothing: it is taken back first.
  int64_t RoomAtCost(const Step& step) const {
    if (step.kind == Step::Kind::kLine && flows_[step.index] < 0) {
      return -flows_[step.index];
    }
    if (step.kind == Step::Kind::kLineBack && flows_[step.index] > 0) {
      return flows_[step.index];
    }
    return RoomOf(step);
  }

  int64_t CostOf(const Step& step) const {
    const int64_t fee =
        lines_.empty() || step.index >= lines_.size() ? 0 : lines_[step.index].fee_key;
    switch (step.kind) {
      case Step::Kind::kLine:
        return flows_[step.index] < 0 ? -fee : fee;
      case Step::Kind::kLineBack:
        return flows_[step.index] > 0 ? -fee : fee;
      case Step::Kind::kUseJump:
        return NextUsed(step.index).key;
      case Step::Kind::kReleaseJump:
        return -LastUsed(step.index).key;
      case Step::Kind::kNone:
        return 0;
    }
    return 0;
  }

  // A potential is the price: a step pays for itself when the price rises along it by its cost.
  template <typename Relax>
  void StepsFrom(uint32_t node, Relax relax) const {
    if (node == orders_) {
      for (uint32_t zone = 0; zone < orders_; ++zone) {
        if (CanUse(zone)) {
          relax(Step{Step::Kind::kUseJump, zone, node}, zone);
        }
      }
      return;
    }
    for (const uint32_t i : lines_at_[node]) {
      const bool is_forward = lines_[i].from == node;
      const Step step = {is_forward ? Step::Kind::kLine : Step::Kind::kLineBack, i, node};
      if (RoomOf(step) > 0) {
        relax(step, is_forward ? lines_[i].to : lines_[i].from);
      }
    }
    if (CanRelease(node)) {
      relax(Step{Step::Kind::kReleaseJump, node, node}, orders_);
    }
  }

  // Dijkstra from all nodes with energy to spare to the nearest that lacks some. Moves the
  // potentials by the distances. Returns whether there is such a path.
  bool ShortestPaths() {
    using Entry = std::pair<int64_t, uint32_t>;
    std::priority_queue<Entry, std::vector<Entry>, std::greater<>> queue;
    std::vector<int64_t> distances(excess_.size(), kUnreached);
    steps_.assign(excess_.size(), Step());
    for (uint32_t node = 0; node < excess_.size(); ++node) {
      if (excess_[node] > 0) {
        distances[node] = 0;
        queue.push({0, node});
      }
    }
    int64_t limit = -1;
    while (!queue.empty()) {
      const auto [distance, node] = queue.top();
      queue.pop();
      if (distance > distances[node]) {
        continue;
      }
      if (excess_[node] < 0) {
        target_ = node;
        limit = distance;
        break;
      }
      StepsFrom(node, [&, from = node, at = distance](const Step& step, uint32_t next) {
        const int64_t reduced = CostOf(step) + potentials_[from] - potentials_[next];
        PW_CHECK(reduced >= 0, "a potential is wrong");
        if (at + reduced < distances[next]) {
          distances[next] = at + reduced;
          steps_[next] = step;
          queue.push({distances[next], next});
        }
      });
    }
    if (limit < 0) {
      return false;
    }
    for (size_t node = 0; node < excess_.size(); ++node) {
      potentials_[node] += std::min(distances[node], limit);
    }
    return true;
  }

  void Augment() {
    int64_t energy = -excess_[target_];
    uint32_t start = target_;
    for (; steps_[start].kind != Step::Kind::kNone; start = steps_[start].from) {
      energy = std::min(energy, RoomAtCost(steps_[start]));
    }
    energy = std::min(energy, excess_[start]);
    PW_CHECK(energy > 0, "a path without room");
    for (uint32_t node = target_; steps_[node].kind != Step::Kind::kNone;
         node = steps_[node].from) {
      Apply(steps_[node], energy);
    }
    excess_[start] -= energy;
    excess_[target_] += energy;
  }

  void Apply(const Step& step, int64_t energy) {
    switch (step.kind) {
      case Step::Kind::kLine:
        flows_[step.index] += energy;
        break;
      case Step::Kind::kLineBack:
        flows_[step.index] -= energy;
        break;
      case Step::Kind::kUseJump:
        partly_[step.index] += energy;
        if (partly_[step.index] == NextUsed(step.index).energy_wh) {
          partly_[step.index] = 0;
          ++used_[step.index];
        }
        break;
      case Step::Kind::kReleaseJump:
        if (partly_[step.index] == 0) {
          --used_[step.index];
          partly_[step.index] = NextUsed(step.index).energy_wh;
        }
        partly_[step.index] -= energy;
        break;
      case Step::Kind::kNone:
        break;
    }
  }

  // Lines without a fee may carry energy in a circle: it is taken off.
  std::span<const Line> lines_;
  std::span<const Curve> curves_;
  const uint32_t orders_;  // The node of the orders.
  std::vector<std::vector<uint32_t>> lines_at_;
  std::vector<int64_t> flows_;
  std::vector<size_t> used_;
  std::vector<int64_t> partly_;
  std::vector<int64_t> potentials_;
  std::vector<int64_t> excess_;
  std::vector<Step> steps_;
  uint32_t target_ = 0;
};

}  // namespace

Balance SolveGraph(std::span<const Line> lines, std::span<const Curve> curves) {
  return Solver(lines, curves).Run();
}

}  // namespace peerwatt::market::clearing
