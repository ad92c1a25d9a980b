#include "services/market/core/surveillance/rings.h"

#include <algorithm>
#include <limits>
#include <tuple>

#include "services/market/core/surveillance/mutant.h"

namespace peerwatt::market::surveillance {
namespace {

constexpr int32_t kShortestRing = 3;

// A search for rings over the flows that are left. Owners are numbered anew, without gaps.
class RingSearch {
 public:
  RingSearch(std::vector<Flow> flows, const RingBounds& bounds, int64_t& steps)
      : flows_(std::move(flows)), bounds_(bounds), steps_(steps) {
    std::erase_if(flows_, [&](const Flow& flow) { return !IsLeft(flow); });
    std::sort(flows_.begin(), flows_.end(), [](const Flow& a, const Flow& b) {
      return std::tie(a.seller, a.buyer) < std::tie(b.seller, b.buyer);
    });
    for (const Flow& flow : flows_) {
      names_.push_back(flow.seller);
      names_.push_back(flow.buyer);
    }
    std::sort(names_.begin(), names_.end());
    names_.erase(std::unique(names_.begin(), names_.end()), names_.end());
    sold_.resize(names_.size());
    bought_.resize(names_.size());
    for (size_t i = 0; i < flows_.size(); ++i) {
      flows_[i].seller = NumberOf(flows_[i].seller);
      flows_[i].buyer = NumberOf(flows_[i].buyer);
      sold_[static_cast<size_t>(flows_[i].seller)].push_back(i);
      bought_[static_cast<size_t>(flows_[i].buyer)].push_back(i);
    }
  }

  RingsFound Run() {
    const int32_t longest = PW_SURVEY_MUTANT(kRingsOfTwoOnly, 2, bounds_.owners_max);
    for (int32_t i = kShortestRing; i <= longest && found_.complete; ++i) {
      length_ = PW_SURVEY_MUTANT(kLongestRingFirst, longest + kShortestRing - i, i);
      for (start_ = 0; start_ < Count() && found_.complete; ++start_) {
        if (!sold_[Index(start_)].empty() && !bought_[Index(start_)].empty()) {
          FromStart();
        }
      }
    }
    return std::move(found_);
  }

 private:
  static size_t Index(int32_t owner) { return static_cast<size_t>(owner); }
  int32_t Count() const { return static_cast<int32_t>(names_.size()); }
  int32_t NumberOf(int32_t name) const {
    return static_cast<int32_t>(std::lower_bound(names_.begin(), names_.end(), name) -
                                names_.begin());
  }
  bool IsLeft(const Flow& flow) const {
    return flow.energy_wh >= PW_SURVEY_MUTANT(kWeakFlowsCount, 1, bounds_.energy_wh_min);
  }
  // Counts a flow that is looked at. Returns whether the search may go on.
  bool Step() {
    if (steps_ <= 0) {
      found_.complete = false;
      return false;
    }
    --steps_;
    return true;
  }

  // All rings of this length whose first owner is the start.
  void FromStart() {
    MeasureReach();
    path_ = {start_};
    while (found_.complete && Extend()) {
      TakeOut();
      path_ = {start_};
      used_.clear();
    }
  }

  // How many flows each owner is away from the start, up to the length of the ring. What is taken
  // out later only makes ways longer, so the distances stay good for leaving owners out.
  void MeasureReach() {
    reach_.assign(names_.size(), std::numeric_limits<int32_t>::max());
    std::vector<int32_t> edge = {start_};
    const int32_t most = PW_SURVEY_MUTANT(kReachIsTooShort, length_ - 2, length_ - 1);
    for (int32_t distance = 1; distance <= most && !edge.empty(); ++distance) {
      std::vector<int32_t> next;
      for (const int32_t buyer : edge) {
        for (const size_t i : bought_[Index(buyer)]) {
          if (!Step()) {
            return;
          }
          const int32_t seller = flows_[i].seller;
          if (seller > start_ && IsLeft(flows_[i]) && reach_[Index(seller)] > distance) {
            reach_[Index(seller)] = distance;
            next.push_back(seller);
          }
        }
      }
      edge = std::move(next);
    }
  }

  // Completes the path to a ring: the first in the order of owners. Returns whether there is one;
  // the path is as before if not.
  bool Extend() {
    const auto depth = static_cast<int32_t>(path_.size());
    for (const size_t i : sold_[Index(path_.back())]) {
      if (!Step()) {
        return false;
      }
      const int32_t buyer = flows_[i].buyer;
      if (!IsLeft(flows_[i])) {
        continue;
      }
      if (depth == length_) {
        if (buyer == start_) {
          used_.push_back(i);
          return true;
        }
        continue;
      }
      if (buyer <= start_ || reach_[Index(buyer)] > length_ - depth ||
          std::find(path_.begin(), path_.end(), buyer) != path_.end()) {
        continue;
      }
      path_.push_back(buyer);
      used_.push_back(i);
      if (Extend()) {
        return true;
      }
      path_.pop_back();
      used_.pop_back();
      if (!found_.complete) {
        return false;
      }
    }
    return false;
  }

  // Keeps the ring of the path and lowers its flows.
  void TakeOut() {
    if (found_.rings.size() == bounds_.rings_max) {
      found_.complete = false;
      return;
    }
    Ring ring;
    ring.energy_wh = std::numeric_limits<int64_t>::max();
    for (const size_t i : used_) {
      ring.energy_wh = std::min(ring.energy_wh, flows_[i].energy_wh);
      ring.energy_wh_max = std::max(ring.energy_wh_max, flows_[i].energy_wh);
    }
    ring.energy_wh = PW_SURVEY_MUTANT(kRingTakesTheLargest, ring.energy_wh_max, ring.energy_wh);
    for (const size_t i : used_) {
      flows_[i].energy_wh -= ring.energy_wh;
    }
    if (PW_SURVEY_MUTANT(kRingIsNotTakenOut, true, false)) {
      flows_[used_.front()].energy_wh = 0;
      for (size_t i = 1; i < used_.size(); ++i) {
        flows_[used_[i]].energy_wh += ring.energy_wh;
      }
    }
    for (const int32_t owner : path_) {
      ring.owners.push_back(names_[Index(owner)]);
    }
    found_.rings.push_back(std::move(ring));
  }

  std::vector<Flow> flows_;
  const RingBounds bounds_;
  int64_t& steps_;
  RingsFound found_;
  // Names by number, ascending; flows by seller, ascending by buyer, and by buyer.
  std::vector<int32_t> names_;
  std::vector<std::vector<size_t>> sold_;
  std::vector<std::vector<size_t>> bought_;
  // Of the ring that is looked for.
  int32_t length_ = 0;
  int32_t start_ = 0;
  std::vector<int32_t> reach_;
  std::vector<int32_t> path_;
  std::vector<size_t> used_;
};

}  // namespace

RingsFound FindRings(std::vector<Flow> flows, const RingBounds& bounds, int64_t& steps) {
  return RingSearch(std::move(flows), bounds, steps).Run();
}

}  // namespace peerwatt::market::surveillance
