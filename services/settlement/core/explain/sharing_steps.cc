#include "services/settlement/core/explain/sharing_steps.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/domain/allocation.h"

namespace peerwatt::settlement {
namespace {

constexpr StepUnit kWh = StepUnit::kWattHours;

// Follows a key round by round: what all take of what is left, and the own part as steps.
class Sharing {
 public:
  Sharing(StepList& list, const SharedPool& pool, size_t all, size_t need)
      : list_(list), pool_(pool), need_(need), left_wh_(pool.fed_in_wh), left_(all) {
    for (const SharingMember& member : pool.members) open_.push_back(member.need.wh());
  }

  // Offers all that is left by weight: each takes at most what it still needs.
  void Offer(const char* description, const std::vector<int64_t>& weights) {
    const size_t offered = list_.Share(description, list_.From(left_), weights, pool_.own, kWh);
    Took(list_.Minimum("taken of it", {list_.From(offered), list_.From(OpenNeed())}, kWh));
    Take(left_wh_, weights);
  }
  // Gives what is left in proportion to what is still needed, to some or all.
  template <typename May>
  void GiveByNeed(const char* description, const char* needed, May may) {
    std::vector<int64_t> weights;
    for (size_t i = 0; i < open_.size(); ++i) weights.push_back(may(i) ? open_[i] : 0);
    const int64_t needs = std::accumulate(weights.begin(), weights.end(), int64_t{0});
    if (weights[pool_.own] > 0) {
      const size_t given =
          list_.Minimum("given", {list_.From(left_), StepList::Of(needed, needs)}, kWh);
      Took(list_.Share(description, list_.From(given), weights, pool_.own, kWh));
    }
    Take(std::min(left_wh_, needs), weights);
  }
  // Names what all others left too, for what comes next to start from.
  void Continue(const char* description) { left_ = list_.Given(description, left_wh_, kWh); }

  bool IsOver() const { return left_wh_ == 0 || open_[pool_.own] == 0; }
  int64_t OpenOf(size_t member) const { return open_[member]; }

  // All parts together.
  size_t Part() {
    if (taken_.empty()) return list_.Given("nothing of the pool", 0, kWh);
    if (taken_.size() == 1) return taken_.front();
    std::vector<Operand> operands;
    for (const size_t taken : taken_) operands.push_back(list_.From(taken));
    return list_.Sum("taken in all", std::move(operands), kWh);
  }

 private:
  size_t OpenNeed() {
    if (taken_.empty()) return need_;
    std::vector<Operand> operands{list_.From(need_)};
    for (const size_t taken : taken_) operands.push_back(StepList::Minus(list_.From(taken)));
    return list_.Sum("still needed", std::move(operands), kWh);
  }
  void Took(size_t step) { taken_.push_back(step); }
  void Take(int64_t total, const std::vector<int64_t>& weights) {
    if (std::all_of(weights.begin(), weights.end(), [](int64_t weight) { return weight == 0; })) {
      return;
    }
    const std::vector<int64_t> offered = AllocateByLargestRemainder(total, weights);
    for (size_t i = 0; i < open_.size(); ++i) {
      const int64_t taken = std::min(offered[i], open_[i]);
      open_[i] -= taken;
      left_wh_ -= taken;
    }
  }

  StepList& list_;
  const SharedPool& pool_;
  const size_t need_;
  std::vector<int64_t> open_;  // what each still needs
  int64_t left_wh_;
  size_t left_;  // the step that says what is left
  std::vector<size_t> taken_;
};

// Coefficients, of those that still need something alone if asked for.
std::vector<int64_t> Coefficients(const SharedPool& pool, const Sharing* open) {
  std::vector<int64_t> weights;
  for (size_t i = 0; i < pool.members.size(); ++i) {
    const bool counts = open == nullptr || open->OpenOf(i) > 0;
    weights.push_back(counts ? pool.members[i].coefficient : 0);
  }
  return weights;
}

// The pool with one more member, whom no point is behind: it keeps the rest of the coefficients.
SharedPool WithAbsent(const SharedPool& pool) {
  SharedPool all = pool;
  SharingMember absent;
  absent.coefficient = kCoefficientsWhole;
  for (const SharingMember& member : pool.members) absent.coefficient -= member.coefficient;
  // Ties fall to it first: it has no name.
  all.members.insert(all.members.begin(), absent);
  ++all.own;
  return all;
}

void Relate(Sharing& sharing, const SharedPool& pool) {
  for (int round = 0; !sharing.IsOver(); ++round) {
    if (round > 0) sharing.Continue("left by all");
    const std::vector<int64_t> weights = Coefficients(pool, &sharing);
    if (weights[pool.own] == 0) return;
    sharing.Offer("offered by coefficient among those who need more", weights);
  }
}

void Cascade(Sharing& sharing, const SharedPool& pool) {
  const int32_t own = pool.members[pool.own].rank;
  std::vector<int32_t> ranks;
  for (const SharingMember& member : pool.members) ranks.push_back(member.rank);
  std::sort(ranks.begin(), ranks.end());
  ranks.erase(std::unique(ranks.begin(), ranks.end()), ranks.end());
  for (const int32_t rank : ranks) {
    if (rank > own) return;
    if (rank == own && rank != ranks.front()) sharing.Continue("left by the ranks before");
    sharing.GiveByNeed("in proportion to what is needed within the rank", "needed by the rank",
                       [&](size_t member) { return pool.members[member].rank == rank; });
  }
}

void ShareEqually(Sharing& sharing, const SharedPool& pool) {
  std::vector<int64_t> weights;
  for (const SharingMember& member : pool.members)
    weights.push_back(member.need > Energy() ? 1 : 0);
  sharing.Offer("the same part for each that drew", weights);
}

}  // namespace

size_t StepsOfShare(StepList& list, const SharedPool& pool, SharingKey key, size_t all,
                    size_t need) {
  const SharedPool who = UsesCoefficients(key) ? WithAbsent(pool) : pool;
  Sharing sharing(list, who, all, need);
  switch (key) {
    case SharingKey::kProportional:
      sharing.GiveByNeed("in proportion to what is drawn", "drawn by all",
                         [](size_t) { return true; });
      break;
    case SharingKey::kEqual:
      ShareEqually(sharing, who);
      break;
    case SharingKey::kCascading:
      Cascade(sharing, who);
      break;
    case SharingKey::kStatic:
      sharing.Offer("offered by coefficient", Coefficients(who, nullptr));
      break;
    case SharingKey::kRelative:
      Relate(sharing, who);
      break;
    case SharingKey::kOptimal:
      sharing.Offer("offered by coefficient", Coefficients(who, nullptr));
      if (sharing.IsOver()) break;
      sharing.Continue("left by all");
      sharing.GiveByNeed("in proportion to what is still needed", "still needed by all",
                         [](size_t) { return true; });
      break;
  }
  return sharing.Part();
}

}  // namespace peerwatt::settlement
