#include "services/market/core/clearing/one_zone.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <limits>

#include "libs/base/check.h"
#include "libs/base/prefetch.h"
#include "libs/base/status_macros.h"
#include "libs/domain/arithmetic.h"
#include "services/market/core/clearing/mutant.h"
#include "services/market/core/clearing/priority.h"
#include "services/market/core/clearing/rationing.h"
#include "services/market/core/clearing/self_trade.h"
#include "services/market/core/errors.h"

namespace peerwatt::market::clearing {
namespace {

constexpr int32_t kLimitMax = static_cast<int32_t>(kPriceMax.micros_per_kwh());
constexpr uint64_t kEnergyMaxWh = static_cast<uint64_t>(kEnergyMax.wh());
constexpr uint64_t kBookEnergyMaxWh = uint64_t{1} << 62;
// Blocks this long cannot overflow a sum of valid energies.
constexpr size_t kBlock = size_t{1} << 20;
constexpr size_t kBucketsMax = 2048;
constexpr size_t kBucketsMin = 64;
// Larger books are sampled for their price range instead of walked.
constexpr size_t kSampleFrom = 8192;
constexpr size_t kSamples = 256;
constexpr size_t kOwnerBuckets = 256;

constexpr size_t kBids = static_cast<size_t>(Way::kBuy);
constexpr size_t kOffers = static_cast<size_t>(Way::kSell);

// Buckets of 2^shift micro-units from `low` on. The first takes what is lower, the last what is
// higher.
struct Grid {
  int64_t low = 0;
  unsigned shift = 0;
  size_t buckets = 0;

  size_t BucketOf(int32_t limit) const {
    const int64_t offset = int64_t{limit} - low;
    const int64_t bucket = (offset & ~(offset >> 63)) >> shift;
    return std::min(static_cast<size_t>(bucket), buckets - 1);
  }
  int32_t LowestLimitOf(size_t bucket) const {
    return bucket == 0 ? std::numeric_limits<int32_t>::min()
                       : static_cast<int32_t>(low + (static_cast<int64_t>(bucket) << shift));
  }
  int32_t HighestLimitOf(size_t bucket) const {
    return bucket + 1 == buckets ? std::numeric_limits<int32_t>::max()
                                 : LowestLimitOf(bucket + 1) - 1;
  }
};

// The orders of a side that must be ranked, by limit, and the energy of the better ones.
struct Near {
  int32_t lowest = std::numeric_limits<int32_t>::min();
  int32_t highest = std::numeric_limits<int32_t>::max();
  int64_t better_wh = 0;
};

Grid GridOf(std::span<const Entry> book) {
  Grid grid;
  grid.buckets = std::clamp(std::bit_floor(book.size()) / 2, kBucketsMin, kBucketsMax);
  int64_t low = kLimitMax;
  int64_t high = -kLimitMax;
  if (book.size() < kSampleFrom) {
    for (const Entry& entry : book) {
      low = std::min<int64_t>(low, entry.limit);
      high = std::max<int64_t>(high, entry.limit);
    }
  } else {
    std::array<int32_t, kSamples> samples = {};
    for (size_t i = 0; i < kSamples; ++i) {
      samples[i] = book[i * (book.size() / kSamples)].limit;
    }
    std::sort(samples.begin(), samples.end());
    low = samples[kSamples / 32];
    high = samples[kSamples - 1 - kSamples / 32];
  }
  const uint64_t span = static_cast<uint64_t>(std::max<int64_t>(high - low, 0));
  while ((span >> grid.shift) >= grid.buckets) {
    ++grid.shift;
  }
  grid.low = low;
  return grid;
}

// Adds up energy by side and bucket.
absl::Status AddUp(std::span<const Entry> book, Energy energy_min, const Grid& grid,
                   std::vector<uint64_t>& buckets) {
  const uint64_t min = static_cast<uint64_t>(energy_min.wh());
  buckets.assign(2 * grid.buckets, 0);
  uint64_t total = 0;
  for (size_t start = 0; start < book.size(); start += kBlock) {
    const size_t end = std::min(book.size(), start + kBlock);
    uint64_t sum = 0;
    bool is_invalid = false;
    for (size_t i = start; i < end; ++i) {
      const Entry& entry = book[i];
      PrefetchAhead(&entry);
      const uint64_t energy = static_cast<uint64_t>(entry.energy.wh());
      const uint32_t limit = static_cast<uint32_t>(entry.limit) + uint32_t{kLimitMax};
      is_invalid |= energy - min > kEnergyMaxWh - min;
      is_invalid |= limit > 2 * uint32_t{kLimitMax};
      sum += energy;
      buckets[static_cast<size_t>(entry.way()) * grid.buckets + grid.BucketOf(entry.limit)] +=
          energy;
    }
    if (is_invalid || sum >= kBookEnergyMaxWh - total) {
      return Error(kBookInvalid, "an order of the book is out of range");
    }
    total += sum;
  }
  return absl::OkStatus();
}

// Finds the bucket where the curves cross: the lowest whose offers, with all cheaper ones, cover
// the bids above it. Bids above and offers below it fill whatever happens inside, bids below and
// offers above do not. What must be ranked is the bucket and, for the price interval, the nearest
// bucket on either side that has energy.
std::array<Near, 2> FindCrossing(const Grid& grid, const std::vector<uint64_t>& buckets) {
  const std::span<const uint64_t> bids(buckets.data(), grid.buckets);
  const std::span<const uint64_t> offers(buckets.data() + grid.buckets, grid.buckets);
  uint64_t demand_above = 0;
  for (const uint64_t energy : bids) {
    demand_above += energy;
  }
  uint64_t supply = 0;
  size_t crossing = 0;
  for (;; ++crossing) {
    demand_above -= bids[crossing];
    supply += offers[crossing];
    if (supply >= demand_above || crossing + 1 == grid.buckets) {
      break;
    }
  }
  std::array<Near, 2> near;
  for (const size_t way : {kBids, kOffers}) {
    const std::span<const uint64_t>& side = way == kBids ? bids : offers;
    size_t below = crossing;
    while (below > 0 && (below == crossing || side[below] == 0)) {
      --below;
    }
    size_t above = crossing;
    while (above + 1 < grid.buckets && (above == crossing || side[above] == 0)) {
      ++above;
    }
    near[way].lowest = grid.LowestLimitOf(below);
    near[way].highest = grid.HighestLimitOf(above);
    uint64_t better = 0;
    for (size_t bucket = 0; bucket < grid.buckets; ++bucket) {
      better += (way == kBids ? bucket > above : bucket < below) ? side[bucket] : 0;
    }
    near[way].better_wh = static_cast<int64_t>(better);
  }
  return near;
}

// What the walk over the book finds besides the fills.
struct Walk {
  absl::int128 welfare = 0;
  std::array<uint64_t, kOwnerBuckets> by_owner = {};
};

// What a watt hour of the order adds to welfare.
int64_t WorthOf(const Entry& entry) {
  return int64_t{entry.limit} * (1 - 2 * static_cast<int64_t>(entry.way()));
}

// Fills what lies clear of the crossing, sets aside what lies near it.
Walk FillClear(std::span<const Entry> book, const std::array<Near, 2>& near, Scratch& scratch,
               std::vector<Energy>& fills) {
  const std::array<uint32_t, 2> first = {RankOf(Way::kBuy, near[kBids].highest),
                                         RankOf(Way::kSell, near[kOffers].lowest)};
  const std::array<uint32_t, 2> last = {RankOf(Way::kBuy, near[kBids].lowest),
                                        RankOf(Way::kSell, near[kOffers].highest)};
  scratch.near_bids.clear();
  scratch.near_offers.clear();
  Walk walk;
  fills.resize(book.size());
  for (size_t i = 0; i < book.size(); ++i) {
    const Entry& entry = book[i];
    PrefetchAhead(&entry);
    PrefetchAheadToWrite(&fills[i]);
    const size_t way = static_cast<size_t>(entry.way());
    const uint32_t rank = RankOf(entry.way(), entry.limit);
    const int64_t fill = entry.energy.wh() & -static_cast<int64_t>(rank < first[way]);
    fills[i] = Energy::WattHours(fill);
    walk.by_owner[entry.owner() % kOwnerBuckets] += static_cast<uint64_t>(fill);
    walk.welfare += absl::int128(WorthOf(entry)) * fill;
    if (rank - first[way] <= last[way] - first[way]) [[unlikely]] {
      (way == kBids ? scratch.near_bids : scratch.near_offers)
          .push_back(static_cast<uint64_t>(rank) << 32 | i);
    }
  }
  return walk;
}

// Walks down one side that is ranked.
class Curve {
 public:
  Curve(std::span<const Entry> book, const std::vector<uint64_t>& ranked, int64_t better_wh)
      : book_(book), ranked_(ranked), left_(better_wh) {
    SkipEmpty();
  }
  bool HasLeft() const { return left_ > 0; }
  int64_t left() const { return left_; }
  // Whether what is left comes from orders better than all that were ranked.
  bool IsAhead() const { return next_ == 0; }
  int64_t limit() const { return book_[static_cast<uint32_t>(ranked_[next_ - 1])].limit; }
  void Take(int64_t energy) {
    left_ -= energy;
    SkipEmpty();
  }

 private:
  void SkipEmpty() {
    while (left_ == 0 && next_ < ranked_.size()) {
      left_ = book_[static_cast<uint32_t>(ranked_[next_++])].energy.wh();
    }
  }
  std::span<const Entry> book_;
  const std::vector<uint64_t>& ranked_;
  int64_t left_;
  size_t next_ = 0;
};

// Sweeps both sides from the best on. Sets energy and price interval.
void Sweep(Curve bids, Curve offers, Outcome& outcome) {
  int64_t energy = 0;
  int64_t low = -kLimitMax;
  int64_t high = kLimitMax;
  while (bids.HasLeft() && offers.HasLeft() &&
         (bids.IsAhead() || offers.IsAhead() ||
          PW_MUTANT(kEqualLimitsDoNotTrade, bids.limit() > offers.limit(),
                    bids.limit() >= offers.limit()))) {
    if (!offers.IsAhead()) {
      low = offers.limit();
    }
    if (!bids.IsAhead()) {
      high = bids.limit();
    }
    const int64_t step = std::min(bids.left(), offers.left());
    energy += step;
    bids.Take(step);
    offers.Take(step);
  }
  // The best bid left over must not want to pay more, the best offer left over not take less.
  if (bids.HasLeft() && !bids.IsAhead()) {
    low = PW_MUTANT(kLeftBidsDoNotCount, low, std::max(low, bids.limit()));
  }
  if (offers.HasLeft() && !offers.IsAhead()) {
    high = PW_MUTANT(kLeftOffersDoNotCount, high, std::min(high, offers.limit()));
  }
  outcome.energy = Energy::WattHours(energy);
  const int64_t price =
      MulDiv(low + high, 1, 2, PW_MUTANT(kPriceIsRoundedUp, Rounding::kUp, Rounding::kDown));
  outcome.zones.assign(1, {price, low, high});
}

}  // namespace

absl::StatusOr<bool> CrossOneZone(std::span<const Entry> book, Energy energy_min, TieRule tie_rule,
                                  Scratch& scratch, Outcome& outcome) {
  if (book.size() >= std::numeric_limits<uint32_t>::max()) {
    return Error(kBookInvalid, "the book is too large");
  }
  const Grid grid = GridOf(book);
  PW_RETURN_IF_ERROR(AddUp(book, energy_min, grid, scratch.buckets));
  const std::array<Near, 2> near = FindCrossing(grid, scratch.buckets);
  Walk walk = FillClear(book, near, scratch, outcome.fills);
  SortKeys(scratch.near_bids);
  SortKeys(scratch.near_offers);
  Sweep(Curve(book, scratch.near_bids, near[kBids].better_wh),
        Curve(book, scratch.near_offers, near[kOffers].better_wh), outcome);
  for (const size_t way : {kBids, kOffers}) {
    const std::vector<uint64_t>& ranked = way == kBids ? scratch.near_bids : scratch.near_offers;
    Ration(book, ranked, outcome.energy.wh() - near[way].better_wh, tie_rule, outcome.fills);
    for (const uint64_t key : ranked) {
      const size_t i = static_cast<uint32_t>(key);
      const int64_t fill = outcome.fills[i].wh();
      walk.welfare += absl::int128(WorthOf(book[i])) * fill;
      walk.by_owner[book[i].owner() % kOwnerBuckets] += static_cast<uint64_t>(fill);
    }
  }
  outcome.welfare_milli_micros = walk.welfare;
  outcome.withdrawn.clear();
  outcome.flows.clear();
  // Who buys and sells more than half of all is in a bucket that holds more than half.
  return *std::max_element(walk.by_owner.begin(), walk.by_owner.end()) >
         static_cast<uint64_t>(outcome.energy.wh());
}

absl::Status ClearOneZone(std::span<const Entry> book, const Rules& rules, Scratch& scratch,
                          Outcome& outcome) {
  PW_ASSIGN_OR_RETURN(const bool may_have_excess,
                      CrossOneZone(book, Energy::WattHours(1), rules.tie_rule, scratch, outcome));
  if (PW_MUTANT(kExcessIsNotLookedFor, false, may_have_excess)) {
    return KeepOwnersApart(book, rules, scratch, outcome);
  }
  return absl::OkStatus();
}

}  // namespace peerwatt::market::clearing
