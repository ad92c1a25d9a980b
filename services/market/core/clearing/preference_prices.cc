#include "services/market/core/clearing/preference_prices.h"

#include <algorithm>
#include <cstddef>
#include <functional>
#include <limits>
#include <queue>
#include <span>
#include <utility>

#include "libs/base/check.h"
#include "libs/domain/arithmetic.h"
#include "services/market/core/clearing/mutant.h"

namespace peerwatt::market::clearing {
namespace {

constexpr int64_t kUnreached = std::numeric_limits<int64_t>::max();
constexpr uint32_t kNone = std::numeric_limits<uint32_t>::max();
constexpr size_t kViewsMax = 8;

// potential(to) ≤ potential(from) + most.
struct Bound {
  uint32_t from = 0;
  uint32_t to = 0;
  int64_t most = 0;
};

// What the arcs, as used, allow. Keys are one below bids' and offers' costs: rounding up mends it.
std::vector<Bound> BoundsOf(const PreferenceGraph& graph, const Circulation& circulation) {
  std::vector<Bound> bounds;
  for (size_t i = 0; i < graph.arcs.size(); ++i) {
    const Arc& arc = graph.arcs[i];
    int64_t left = circulation.flows_wh[i];
    const auto cost = [&](const Jump& piece) {
      return MulDiv(piece.key, 1, graph.scale, Rounding::kUp);
    };
    const Jump* used = nullptr;
    const Jump* next = nullptr;
    for (const Jump& piece : arc.pieces) {
      used = left > 0 ? &piece : used;
      const bool is_never_full =
          i < graph.first_order_arc && piece.energy_wh >= graph.line_room_max_wh;
      if (left < piece.energy_wh || is_never_full) {
        next = &piece;
        break;
      }
      left -= piece.energy_wh;
    }
    if (next != nullptr) {
      bounds.push_back({arc.tail, arc.head, cost(*next)});
    }
    if (used != nullptr) {
      bounds.push_back({arc.head, arc.tail, -cost(*used)});
    }
  }
  return bounds;
}

class Potentials {
 public:
  Potentials(const PreferenceGraph& graph, const Circulation& circulation)
      : graph_(graph),
        circulation_(circulation),
        bounds_(BoundsOf(graph, circulation)),
        from_(graph.nodes),
        to_(graph.nodes),
        part_of_(graph.nodes, kNone) {
    for (uint32_t i = 0; i < bounds_.size(); ++i) {
      from_[bounds_[i].from].push_back(i);
      to_[bounds_[i].to].push_back(i);
    }
    for (const int64_t key : circulation.potentials) {
      values_.push_back(MulDiv(key, 1, graph.scale, Rounding::kDown));
    }
  }

  std::vector<int64_t> Run() {
    Relax();
    FindParts();
    CentreParts();
    FitParts();
    return std::move(values_);
  }

 private:
  // Mends what rounding the keys broke, by a unit here and there (Bellman and Ford).
  void Relax() {
    bool changed = true;
    for (uint32_t round = 0; changed; ++round) {
      PW_CHECK(round <= graph_.nodes, "no prices support the outcome");
      changed = false;
      for (const Bound& bound : bounds_) {
        const int64_t most = values_[bound.from] + bound.most;
        changed |= values_[bound.to] > most;
        values_[bound.to] = std::min(values_[bound.to], most);
      }
    }
  }

  // Parts are nodes that bound each other from both sides: strongly connected components, numbered
  // so that bounds lead from lower ones to higher ones (Kosaraju; Sharir 1981).
  void FindParts() {
    std::vector<uint32_t> finished;
    std::vector<uint32_t> at(graph_.nodes, 0);
    std::vector<bool> is_seen(graph_.nodes, false);
    std::vector<uint32_t> path;
    for (uint32_t root = 0; root < graph_.nodes; ++root) {
      if (is_seen[root]) {
        continue;
      }
      is_seen[root] = true;
      path.push_back(root);
      while (!path.empty()) {
        const uint32_t node = path.back();
        if (at[node] == from_[node].size()) {
          finished.push_back(node);
          path.pop_back();
          continue;
        }
        const uint32_t next = bounds_[from_[node][at[node]++]].to;
        if (!is_seen[next]) {
          is_seen[next] = true;
          path.push_back(next);
        }
      }
    }
    for (size_t i = finished.size(); i > 0; --i) {
      const uint32_t root = finished[i - 1];
      if (part_of_[root] != kNone) {
        continue;
      }
      part_of_[root] = parts_;
      path.push_back(root);
      while (!path.empty()) {
        const uint32_t node = path.back();
        path.pop_back();
        for (const uint32_t bound : to_[node]) {
          if (part_of_[bounds_[bound].from] == kNone) {
            part_of_[bounds_[bound].from] = parts_;
            path.push_back(bounds_[bound].from);
          }
        }
      }
      ++parts_;
    }
  }

  // The nodes to look from, by part: kinds of offers, most sold first.
  std::vector<std::vector<uint32_t>> Views() const {
    std::vector<int64_t> sold(graph_.nodes, 0);
    for (size_t i = graph_.first_order_arc; i < graph_.first_kind_arc; ++i) {
      sold[graph_.arcs[i].head] += graph_.IsOffers(i) ? circulation_.flows_wh[i] : 0;
    }
    std::vector<std::vector<uint32_t>> views(parts_);
    for (uint32_t node = 0; node < graph_.nodes; ++node) {
      if (sold[node] > 0) {
        views[part_of_[node]].push_back(node);
      }
    }
    for (std::vector<uint32_t>& view : views) {
      std::stable_sort(view.begin(), view.end(),
                       [&](uint32_t a, uint32_t b) { return sold[a] > sold[b]; });
      view.resize(std::min(view.size(), kViewsMax));
    }
    return views;
  }

  void CentreParts() {
    const std::vector<std::vector<uint32_t>> views = Views();
    std::vector<int64_t> sums(graph_.nodes, 0);
    for (const std::vector<uint32_t>& view : views) {
      for (const uint32_t root : view) {
        AddView(root, true, sums);
        AddView(root, false, sums);
      }
    }
    const std::vector<int64_t> old = values_;
    for (uint32_t node = 0; node < graph_.nodes; ++node) {
      const std::vector<uint32_t>& view = views[part_of_[node]];
      if (!view.empty()) {
        const int64_t mean =
            MulDiv(sums[node], 1, 2 * static_cast<int64_t>(view.size()),
                   PW_MUTANT(kPreferredPriceIsRoundedUp, Rounding::kDown, Rounding::kUp));
        values_[node] = old[view[0]] + mean;
      }
    }
  }

  // Adds the highest, or lowest, value of each node of a part relative to one of them (Dijkstra on
  // what the present values leave of the bounds).
  void AddView(uint32_t root, bool is_highest, std::vector<int64_t>& sums) {
    using Reached = std::pair<int64_t, uint32_t>;
    std::priority_queue<Reached, std::vector<Reached>, std::greater<>> queue;
    distances_.resize(graph_.nodes, kUnreached);
    std::vector<uint32_t> touched = {root};
    distances_[root] = 0;
    queue.push({0, root});
    while (!queue.empty()) {
      const auto [distance, node] = queue.top();
      queue.pop();
      if (distance > distances_[node]) {
        continue;
      }
      for (const uint32_t i : is_highest ? from_[node] : to_[node]) {
        const Bound& bound = bounds_[i];
        const uint32_t next = is_highest ? bound.to : bound.from;
        const int64_t reached = distance + values_[bound.from] + bound.most - values_[bound.to];
        if (part_of_[next] == part_of_[root] && reached < distances_[next]) {
          if (distances_[next] == kUnreached) {
            touched.push_back(next);
          }
          distances_[next] = reached;
          queue.push({reached, next});
        }
      }
    }
    for (const uint32_t node : touched) {
      sums[node] +=
          values_[node] - values_[root] + (is_highest ? distances_[node] : -distances_[node]);
      distances_[node] = kUnreached;
    }
  }

  // Lowers parts as wholes until the bounds between them hold again.
  void FitParts() {
    std::vector<int64_t> lowered(parts_, 0);
    std::vector<std::vector<uint32_t>> into(parts_);
    for (uint32_t i = 0; i < bounds_.size(); ++i) {
      if (part_of_[bounds_[i].from] != part_of_[bounds_[i].to]) {
        into[part_of_[bounds_[i].to]].push_back(i);
      }
    }
    for (uint32_t part = 0; part < parts_; ++part) {
      for (const uint32_t i : into[part]) {
        const Bound& bound = bounds_[i];
        lowered[part] =
            std::min(lowered[part], values_[bound.from] + lowered[part_of_[bound.from]] +
                                        bound.most - values_[bound.to]);
      }
    }
    for (uint32_t node = 0; node < graph_.nodes; ++node) {
      values_[node] += lowered[part_of_[node]];
    }
  }

  const PreferenceGraph& graph_;
  const Circulation& circulation_;
  const std::vector<Bound> bounds_;
  std::vector<std::vector<uint32_t>> from_;  // Bounds by the node that they start from, and end at.
  std::vector<std::vector<uint32_t>> to_;
  std::vector<int64_t> values_;
  std::vector<uint32_t> part_of_;
  uint32_t parts_ = 0;
  std::vector<int64_t> distances_;
};

}  // namespace

std::vector<int64_t> SupportingPotentials(const PreferenceGraph& graph,
                                          const Circulation& circulation) {
  return Potentials(graph, circulation).Run();
}

}  // namespace peerwatt::market::clearing
