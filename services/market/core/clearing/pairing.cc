#include "services/market/core/clearing/pairing.h"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <span>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "libs/base/check.h"
#include "services/market/core/clearing/mutant.h"

namespace peerwatt::market::clearing {
namespace {

// A part of a bid that faces a part of an offer: positions in the lists of fills.
struct Stretch {
  uint32_t bid = 0;
  uint32_t offer = 0;
  int64_t energy_wh = 0;
};

// Walks both lists at once: a stretch for each where neither changes. conflicts: those where an
// owner faces himself.
std::vector<Stretch> Zip(const std::vector<Filled>& bids, const std::vector<Filled>& offers,
                         std::vector<uint32_t>& conflicts) {
  std::vector<Stretch> stretches;
  stretches.reserve(bids.size() + offers.size());
  uint32_t offer = 0;
  int64_t offer_left = offers.empty() ? 0 : offers[0].energy_wh;
  for (uint32_t bid = 0; bid < bids.size(); ++bid) {
    int64_t bid_left = bids[bid].energy_wh;
    while (bid_left > 0) {
      PW_CHECK(offer < offers.size(), "bids exceed offers");
      const int64_t energy = std::min(bid_left, offer_left);
      if (bids[bid].owner == offers[offer].owner) [[unlikely]] {
        conflicts.push_back(static_cast<uint32_t>(stretches.size()));
      }
      stretches.push_back({bid, offer, energy});
      bid_left -= energy;
      offer_left -= energy;
      if (offer_left == 0 && ++offer < offers.size()) {
        offer_left = offers[offer].energy_wh;
      }
    }
  }
  return stretches;
}

// Lets owners who face themselves change partners. What an owner buys and sells is at most all
// energy, so the stretches that he has no part of hold at least as much as those where he faces
// himself, and every exchange takes the same off both: there always is another.
class Exchange {
 public:
  Exchange(const std::vector<Filled>& bids, const std::vector<Filled>& offers,
           std::vector<Stretch>& stretches)
      : bids_(bids), offers_(offers), stretches_(stretches), next_(stretches.size()) {
    std::iota(next_.begin(), next_.end(), 0);
  }

  // conflicts: of one owner, ascending.
  void Resolve(std::span<const uint32_t> conflicts) {
    const uint32_t owner = bids_[stretches_[conflicts[0]].bid].owner;
    uint32_t at = conflicts[0];
    for (const uint32_t conflict : conflicts) {
      while (stretches_[conflict].energy_wh > 0) {
        at = NextWithout(owner, at);
        Swap(conflict, at);
      }
    }
  }

 private:
  // The first stretch from a place on, round the end, that an owner has no part of.
  uint32_t NextWithout(uint32_t owner, uint32_t from) {
    uint32_t turns = 0;
    for (uint32_t at = from;; ++at) {
      at = WithEnergy(at);
      if (at >= stretches_.size()) {
        PW_CHECK(++turns < 3, "an owner would trade with himself");
        at = WithEnergy(0);
      }
      const Stretch& stretch = stretches_[at];
      const bool is_bidder = bids_[stretch.bid].owner == owner;
      const bool is_seller = offers_[stretch.offer].owner == owner;
      if (!PW_MUTANT(kExchangedSellersAreNotLookedAt, is_bidder, is_bidder || is_seller)) {
        return at;
      }
    }
  }

  // The first stretch from a place on that has energy left (union-find with path halving).
  uint32_t WithEnergy(uint32_t at) {
    while (at < next_.size() && next_[at] != at) {
      if (next_[at] < next_.size()) {
        next_[at] = next_[next_[at]];
      }
      at = next_[at];
    }
    return at;
  }

  void Swap(uint32_t conflict, uint32_t other) {
    const Stretch a = stretches_[conflict];
    const Stretch b = stretches_[other];
    const int64_t energy = std::min(a.energy_wh, b.energy_wh);
    for (const Stretch& made : {Stretch{a.bid, b.offer, energy}, Stretch{b.bid, a.offer, energy}}) {
      next_.push_back(static_cast<uint32_t>(next_.size()));
      stretches_.push_back(made);
    }
    for (const uint32_t used : {conflict, other}) {
      stretches_[used].energy_wh -= energy;
      if (stretches_[used].energy_wh == 0) {
        next_[used] = used + 1;
      }
    }
  }

  const std::vector<Filled>& bids_;
  const std::vector<Filled>& offers_;
  std::vector<Stretch>& stretches_;
  std::vector<uint32_t> next_;
};

uint64_t KeyOf(const Stretch& stretch) { return uint64_t{stretch.bid} << 32 | stretch.offer; }

// Of the stretches from `first` on, those that join the same two fills as an earlier one are added
// to it.
void Merge(std::vector<Stretch>& stretches, size_t first) {
  absl::flat_hash_map<uint64_t, size_t> made;
  made.reserve(stretches.size() - first);
  for (size_t i = first; i < stretches.size(); ++i) {
    const auto [at, is_new] = made.try_emplace(KeyOf(stretches[i]), i);
    if (!is_new) {
      stretches[at->second].energy_wh += std::exchange(stretches[i].energy_wh, 0);
    }
  }
  for (size_t i = 0; i < first; ++i) {
    const auto at = stretches[i].energy_wh > 0 ? made.find(KeyOf(stretches[i])) : made.end();
    if (at != made.end()) {
      stretches[i].energy_wh += std::exchange(stretches[at->second].energy_wh, 0);
    }
  }
}

// conflicts: not empty.
void KeepApart(const std::vector<Filled>& bids, const std::vector<Filled>& offers,
               std::vector<uint32_t> conflicts, std::vector<Stretch>& stretches) {
  const size_t first = stretches.size();
  const auto owner_of = [&](uint32_t conflict) { return bids[stretches[conflict].bid].owner; };
  std::stable_sort(conflicts.begin(), conflicts.end(),
                   [&](uint32_t a, uint32_t b) { return owner_of(a) < owner_of(b); });
  Exchange exchange(bids, offers, stretches);
  const std::span<const uint32_t> all(conflicts);
  for (size_t start = 0; start < all.size();) {
    size_t end = start + 1;
    while (end < all.size() && owner_of(all[end]) == owner_of(all[start])) {
      ++end;
    }
    exchange.Resolve(all.subspan(start, end - start));
    start = end;
  }
  Merge(stretches, first);
}

}  // namespace

std::optional<Excess> FindExcess(const std::vector<Filled>& bids,
                                 const std::vector<Filled>& offers) {
  // Such an owner has more than half of the weight of both sides: a weighted majority vote finds
  // the only candidate in one pass (Boyer and Moore 1981), a second pass weighs it.
  uint32_t candidate = 0;
  int64_t votes = 0;
  int64_t total = 0;
  const auto vote = [&](const Filled& fill) {
    if (votes == 0) {
      candidate = fill.owner;
    }
    votes = fill.owner == candidate ? votes + fill.energy_wh : votes - fill.energy_wh;
    if (votes < 0) {
      candidate = fill.owner;
      votes = -votes;
    }
  };
  for (const Filled& bid : bids) {
    vote(bid);
    total += bid.energy_wh;
  }
  std::for_each(offers.begin(), offers.end(), vote);
  int64_t own = 0;
  for (const std::vector<Filled>* side : {&bids, &offers}) {
    for (const Filled& fill : *side) {
      own += fill.owner == candidate ? fill.energy_wh : 0;
    }
  }
  if (own <= total) {
    return std::nullopt;
  }
  return Excess{candidate, own - total};
}

std::vector<Pair> PairFills(const std::vector<Filled>& bids, const std::vector<Filled>& offers) {
  std::vector<uint32_t> conflicts;
  std::vector<Stretch> stretches = Zip(bids, offers, conflicts);
  if (!conflicts.empty()) {
    KeepApart(bids, offers, std::move(conflicts), stretches);
  }
  std::vector<Pair> pairs;
  pairs.reserve(stretches.size());
  for (const Stretch& stretch : stretches) {
    if (stretch.energy_wh > 0) {
      pairs.push_back({bids[stretch.bid].order, offers[stretch.offer].order,
                       Energy::WattHours(stretch.energy_wh)});
    }
  }
  return pairs;
}

}  // namespace peerwatt::market::clearing
