#include "services/market/core/clearing/circles.h"

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <limits>

namespace peerwatt::market::clearing {
namespace {

// Walks with the flow. Where nothing flows on it goes back, for good; where the walk meets itself
// it has found a circle.
class Walker {
 public:
  Walker(uint32_t nodes, std::span<const Ends> ends, std::vector<int64_t>& flows)
      : ends_(ends), flows_(flows), leaving_(nodes), next_(nodes, 0), is_on_walk_(nodes, false) {
    for (uint32_t i = 0; i < ends.size(); ++i) {
      if (flows[i] != 0) {
        leaving_[flows[i] > 0 ? ends[i].from : ends[i].to].push_back(i);
      }
    }
  }

  void From(uint32_t root) {
    is_on_walk_[root] = true;
    for (uint32_t node = root;;) {
      size_t& next = next_[node];
      while (next < leaving_[node].size() && IsDone(leaving_[node][next])) {
        ++next;
      }
      if (next < leaving_[node].size()) {
        const uint32_t line = leaving_[node][next];
        walk_.push_back(line);
        node = HeadOf(line);
        if (is_on_walk_[node]) {
          TakeOff(node);
        }
        is_on_walk_[node] = true;
        continue;
      }
      is_on_walk_[node] = false;
      if (walk_.empty()) {
        return;
      }
      node = TailOf(walk_.back());
      walk_.pop_back();
    }
  }

 private:
  uint32_t TailOf(uint32_t line) const {
    return flows_[line] > 0 ? ends_[line].from : ends_[line].to;
  }
  uint32_t HeadOf(uint32_t line) const {
    return flows_[line] > 0 ? ends_[line].to : ends_[line].from;
  }
  // Nothing flows over the line any more, or its head leads to no circle.
  bool IsDone(uint32_t line) const {
    const uint32_t head = flows_[line] == 0 ? 0 : HeadOf(line);
    return flows_[line] == 0 || (!is_on_walk_[head] && next_[head] == leaving_[head].size());
  }

  // The walk's last lines, from `node` back to it, are a circle.
  void TakeOff(uint32_t node) {
    int64_t most = std::numeric_limits<int64_t>::max();
    size_t first = walk_.size();
    for (uint32_t at = kNowhere; at != node;) {
      const uint32_t line = walk_[--first];
      most = std::min(most, std::abs(flows_[line]));
      at = TailOf(line);
      is_on_walk_[at] = false;
    }
    for (size_t i = first; i < walk_.size(); ++i) {
      int64_t& flow = flows_[walk_[i]];
      flow += flow > 0 ? -most : most;
    }
    walk_.resize(first);
  }

  static constexpr uint32_t kNowhere = std::numeric_limits<uint32_t>::max();

  std::span<const Ends> ends_;
  std::vector<int64_t>& flows_;
  std::vector<std::vector<uint32_t>> leaving_;
  std::vector<size_t> next_;
  std::vector<bool> is_on_walk_;
  std::vector<uint32_t> walk_;
};

}  // namespace

void CancelCircles(uint32_t nodes, std::span<const Ends> ends, std::vector<int64_t>& flows) {
  Walker walker(nodes, ends, flows);
  for (uint32_t root = 0; root < nodes; ++root) {
    walker.From(root);
  }
}

}  // namespace peerwatt::market::clearing
