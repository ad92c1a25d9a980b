#include "services/market/core/clearing/pairing.h"

#include <algorithm>
#include <cstddef>
#include <map>
#include <utility>

#include "libs/base/check.h"
#include "libs/domain/arithmetic.h"

namespace peerwatt::market::clearing {
namespace {

struct OwnerSums {
  int64_t bought_wh = 0;
  int64_t sold_wh = 0;
};

// Walks both lists at once and emits a pair for each stretch where neither changes. Returns false
// at the first stretch where an owner would face himself.
bool Zip(const std::vector<Filled>& bids, const std::vector<Filled>& offers,
         std::vector<Pair>& pairs) {
  pairs.reserve(bids.size() + offers.size());
  size_t offer = 0;
  int64_t offer_left = offers.empty() ? 0 : offers[0].energy_wh;
  for (const Filled& bid : bids) {
    int64_t bid_left = bid.energy_wh;
    while (bid_left > 0) {
      PW_CHECK(offer < offers.size(), "bids exceed offers");
      if (bid.owner == offers[offer].owner) {
        return false;
      }
      const int64_t energy = std::min(bid_left, offer_left);
      pairs.push_back({bid.order, offers[offer].order, Energy::WattHours(energy)});
      bid_left -= energy;
      offer_left -= energy;
      if (offer_left == 0 && ++offer < offers.size()) {
        offer_left = offers[offer].energy_wh;
      }
    }
  }
  return true;
}

std::vector<Filled> GroupedByOwner(std::vector<Filled> fills) {
  std::stable_sort(fills.begin(), fills.end(),
                   [](const Filled& a, const Filled& b) { return a.owner < b.owner; });
  return fills;
}

// How far the ring of offers must be turned. With owners in one order on both rings, owner o's
// bids start at B and its offers at S: a turn in [B + b - S, total + B - S - s] keeps o apart, and
// these spans of all owners meet whenever b + s <= total for each.
int64_t RingTurn(const std::vector<Filled>& bids, const std::vector<Filled>& offers) {
  std::map<uint32_t, OwnerSums> sums;
  for (const Filled& bid : bids) {
    sums[bid.owner].bought_wh += bid.energy_wh;
  }
  for (const Filled& offer : offers) {
    sums[offer.owner].sold_wh += offer.energy_wh;
  }
  int64_t turn = 0;
  int64_t bid_start = 0;
  int64_t offer_start = 0;
  for (const auto& [owner, sum] : sums) {
    turn = std::max(turn, bid_start + sum.bought_wh - offer_start);
    bid_start += sum.bought_wh;
    offer_start += sum.sold_wh;
  }
  return turn;
}

// The list as it reads from `turn` before its end: the last `turn` watt hours come first.
std::vector<Filled> Turned(const std::vector<Filled>& fills, int64_t total, int64_t turn) {
  const int64_t cut = (total - turn % total) % total;
  std::vector<Filled> front;
  std::vector<Filled> back;
  int64_t position = 0;
  for (const Filled& fill : fills) {
    const int64_t before_cut = std::clamp<int64_t>(cut - position, 0, fill.energy_wh);
    if (before_cut > 0) {
      back.push_back({fill.order, fill.owner, before_cut});
    }
    if (before_cut < fill.energy_wh) {
      front.push_back({fill.order, fill.owner, fill.energy_wh - before_cut});
    }
    position += fill.energy_wh;
  }
  front.insert(front.end(), back.begin(), back.end());
  return front;
}

// A pair that the ring's seam cut in two becomes one again.
std::vector<Pair> Merged(std::vector<Pair> pairs) {
  std::map<std::pair<uint32_t, uint32_t>, size_t> seen;
  std::vector<Pair> merged;
  merged.reserve(pairs.size());
  for (const Pair& pair : pairs) {
    const auto [at, is_new] = seen.try_emplace({pair.bid, pair.offer}, merged.size());
    if (is_new) {
      merged.push_back(pair);
    } else {
      merged[at->second].energy += pair.energy;
    }
  }
  return merged;
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
  std::vector<Pair> pairs;
  if (Zip(bids, offers, pairs)) {
    return pairs;
  }
  int64_t total = 0;
  for (const Filled& bid : bids) {
    total += bid.energy_wh;
  }
  const std::vector<Filled> bid_ring = GroupedByOwner(bids);
  const std::vector<Filled> offer_ring = GroupedByOwner(offers);
  pairs.clear();
  const bool apart =
      Zip(bid_ring, Turned(offer_ring, total, RingTurn(bid_ring, offer_ring)), pairs);
  PW_CHECK(apart, "an owner would trade with himself");
  return Merged(std::move(pairs));
}

}  // namespace peerwatt::market::clearing
