#include "services/settlement/core/sharing.h"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <tuple>

#include "absl/numeric/int128.h"
#include "libs/base/status_macros.h"
#include "libs/domain/allocation.h"
#include "services/settlement/core/errors.h"
#include "services/settlement/core/mutant.h"

namespace peerwatt::settlement {
namespace {

auto IdOf(const SharingMember& member) { return std::tie(member.participant, member.connection); }

// The members by id, so that ties fall the same way in whatever order they came.
class Split {
 public:
  Split(Energy pool, const std::vector<SharingMember>& members)
      : members_(members), by_id_(members.size()), parts_(members.size(), 0), left_(pool.wh()) {
    std::iota(by_id_.begin(), by_id_.end(), size_t{0});
    std::sort(by_id_.begin(), by_id_.end(), [&](size_t a, size_t b) {
      return PW_MUTANT(kTiesFallByPosition, a < b, IdOf(members[a]) < IdOf(members[b]));
    });
  }

  // Offers what is left by weight; each takes what it still needs of its part.
  template <typename Weight>
  void Offer(Weight weight) {
    std::vector<int64_t> weights;
    for (const size_t member : by_id_) {
      weights.push_back(weight(member));
    }
    Take(left_, weights);
  }

  // Gives what is left to those that `may` take, in proportion to what they still need.
  template <typename May>
  void GiveByNeed(May may) {
    std::vector<int64_t> weights;
    absl::int128 needed = 0;
    for (const size_t member : by_id_) {
      weights.push_back(may(member) ? NeedLeft(member) : 0);
      needed += weights.back();
    }
    Take(static_cast<int64_t>(std::min<absl::int128>(left_, needed)), weights);
  }

  int64_t NeedLeft(size_t member) const { return members_[member].need.wh() - parts_[member]; }
  int64_t left() const { return left_; }

  Shares Result() const {
    Shares shares;
    for (const int64_t part : parts_) {
      shares.parts.push_back(Energy::WattHours(part));
    }
    shares.residual = Energy::WattHours(left_);
    return shares;
  }

 private:
  void Take(int64_t total, const std::vector<int64_t>& weights) {
    if (std::all_of(weights.begin(), weights.end(), [](int64_t weight) { return weight == 0; })) {
      return;
    }
    const std::vector<int64_t> offered = AllocateByLargestRemainder(total, weights);
    for (size_t i = 0; i < by_id_.size(); ++i) {
      const int64_t taken = PW_MUTANT(kNeedDoesNotBoundAShare, offered[i],
                                      std::min(offered[i], NeedLeft(by_id_[i])));
      parts_[by_id_[i]] += taken;
      left_ -= taken;
    }
  }

  const std::vector<SharingMember>& members_;
  std::vector<size_t> by_id_;
  std::vector<int64_t> parts_;
  int64_t left_;
};

absl::Status CheckMembers(Energy pool, const std::vector<SharingMember>& members, SharingKey key) {
  absl::int128 sum = 0;
  bool is_valid = pool >= Energy();
  for (const SharingMember& member : members) {
    is_valid =
        is_valid && member.need >= Energy() && (!UsesCoefficients(key) || member.coefficient >= 0);
    sum += member.coefficient;
  }
  if (!is_valid) {
    return Error(kSharingInvalid, "a pool, a need or a coefficient is negative");
  }
  if (UsesCoefficients(key) && sum != kCoefficientsWhole) {
    return Error(kSharingInvalid, "the coefficients do not sum to 1.000000");
  }
  return absl::OkStatus();
}

void Cascade(const std::vector<SharingMember>& members, Split& split) {
  std::vector<int32_t> ranks;
  for (const SharingMember& member : members) {
    ranks.push_back(member.rank);
  }
  std::sort(ranks.begin(), ranks.end(), [](int32_t a, int32_t b) {
    return PW_MUTANT(kRanksAreTurned, a > b, a < b);
  });
  ranks.erase(std::unique(ranks.begin(), ranks.end()), ranks.end());
  for (const int32_t rank : ranks) {
    split.GiveByNeed([&](size_t member) { return members[member].rank == rank; });
  }
}

// Each round either gives all that is left or leaves one more member without need.
void Relate(const std::vector<SharingMember>& members, Split& split) {
  for (size_t round = 0; round <= members.size() && split.left() > 0; ++round) {
    split.Offer([&](size_t member) {
      return split.NeedLeft(member) > 0 ? members[member].coefficient : 0;
    });
  }
}

}  // namespace

bool UsesCoefficients(SharingKey key) {
  return key == SharingKey::kStatic || key == SharingKey::kRelative || key == SharingKey::kOptimal;
}

absl::StatusOr<Shares> Share(Energy pool, const std::vector<SharingMember>& members,
                             SharingKey key) {
  PW_RETURN_IF_ERROR(CheckMembers(pool, members, key));
  Split split(pool, members);
  const auto coefficient = [&](size_t member) { return members[member].coefficient; };
  const auto anybody = [](size_t) { return true; };
  switch (key) {
    case SharingKey::kStatic:
      split.Offer(coefficient);
      break;
    case SharingKey::kProportional:
      split.GiveByNeed(anybody);
      break;
    case SharingKey::kEqual:
      split.Offer([](size_t) { return int64_t{1}; });
      break;
    case SharingKey::kCascading:
      Cascade(members, split);
      break;
    case SharingKey::kRelative:
      Relate(members, split);
      break;
    case SharingKey::kOptimal:
      split.Offer(coefficient);
      split.GiveByNeed(anybody);
      break;
  }
  return split.Result();
}

}  // namespace peerwatt::settlement
