#include "services/market/core/clearing.h"

#include <algorithm>
#include <array>
#include <limits>
#include <numeric>
#include <string_view>
#include <utility>

#include "absl/numeric/int128.h"
#include "libs/base/check.h"
#include "libs/base/status_macros.h"
#include "services/market/core/errors.h"
#include "services/market/core/priority.h"

namespace peerwatt::market {
namespace {

// Sums of a side's energy stay below this, so that sums over both sides fit 64 bits.
constexpr int64_t kSideEnergyMax = int64_t{4} << 60;

// One side of the book, best priority first.
struct RankedSide {
  std::vector<uint32_t> orders;
  std::vector<int64_t> limits;
  std::vector<int64_t> energies_wh;
};

// Where the two curves cross, and what fills on each side, best priority first.
struct Crossing {
  int64_t energy_wh = 0;
  int64_t price_low = 0;
  int64_t price_high = 0;
  std::vector<Filled> bids;
  std::vector<Filled> offers;
};

absl::Status CheckBook(const std::vector<BookOrder>& orders) {
  std::array<absl::int128, 2> sums = {0, 0};
  for (const BookOrder& order : orders) {
    if (order.energy < Energy::WattHours(1) || order.energy > kEnergyMax) {
      return Error(kBookInvalid, "the energy of an order is out of range",
                   {{"order", order.id.value()}});
    }
    if (order.limit > kPriceMax || order.limit < Price() - kPriceMax) {
      return Error(kBookInvalid, "the limit of an order is out of range",
                   {{"order", order.id.value()}});
    }
    sums[order.side == Side::kBid ? 0 : 1] += order.energy.wh();
  }
  if (std::max(sums[0], sums[1]) >= kSideEnergyMax || orders.size() >= (uint64_t{1} << 32)) {
    return Error(kBookInvalid, "the book is too large");
  }
  return absl::OkStatus();
}

// Positions in the book by time, then id. Empty when the book is in that order already.
std::vector<uint32_t> ByTime(const std::vector<BookOrder>& orders) {
  const auto earlier = [](const BookOrder& a, const BookOrder& b) {
    return a.create_time != b.create_time ? a.create_time < b.create_time : a.id < b.id;
  };
  if (std::is_sorted(orders.begin(), orders.end(), earlier)) {
    return {};
  }
  std::vector<uint32_t> positions(orders.size());
  std::iota(positions.begin(), positions.end(), 0u);
  std::sort(positions.begin(), positions.end(),
            [&](uint32_t a, uint32_t b) { return earlier(orders[a], orders[b]); });
  return positions;
}

RankedSide Rank(const std::vector<BookOrder>& orders, const std::vector<uint32_t>& by_time,
                Side side) {
  std::vector<uint64_t> keys;
  keys.reserve(orders.size());
  const int64_t max = kPriceMax.micros_per_kwh();
  for (uint32_t rank = 0; rank < orders.size(); ++rank) {
    const BookOrder& order = orders[by_time.empty() ? rank : by_time[rank]];
    if (order.side != side) {
      continue;
    }
    const int64_t limit = order.limit.micros_per_kwh();
    const int64_t distance = side == Side::kBid ? max - limit : limit + max;
    keys.push_back(static_cast<uint64_t>(distance) << 32 | rank);
  }
  SortKeys(keys);
  RankedSide ranked;
  ranked.orders.reserve(keys.size());
  ranked.limits.reserve(keys.size());
  ranked.energies_wh.reserve(keys.size());
  for (const uint64_t key : keys) {
    const uint32_t rank = static_cast<uint32_t>(key);
    const uint32_t position = by_time.empty() ? rank : by_time[rank];
    const int64_t distance = static_cast<int64_t>(key >> 32);
    ranked.orders.push_back(position);
    ranked.limits.push_back(side == Side::kBid ? max - distance : distance - max);
    ranked.energies_wh.push_back(orders[position].energy.wh());
  }
  return ranked;
}

// The next order at or after `from` that has energy.
size_t SkipEmpty(const RankedSide& side, size_t from) {
  while (from < side.energies_wh.size() && side.energies_wh[from] == 0) {
    ++from;
  }
  return from;
}

// Takes `energy` from one side by priority.
std::vector<Filled> TakeBest(const std::vector<BookOrder>& orders, const RankedSide& side,
                             int64_t energy_wh) {
  std::vector<Filled> fills;
  for (size_t i = 0; energy_wh > 0; ++i) {
    const int64_t fill = std::min(side.energies_wh[i], energy_wh);
    if (fill > 0) {
      fills.push_back({side.orders[i], orders[side.orders[i]].participant.value(), fill});
      energy_wh -= fill;
    }
  }
  return fills;
}

Crossing Cross(const std::vector<BookOrder>& orders, const RankedSide& bids,
               const RankedSide& offers) {
  Crossing crossing;
  size_t bid = SkipEmpty(bids, 0);
  size_t offer = SkipEmpty(offers, 0);
  int64_t bid_left = bid < bids.orders.size() ? bids.energies_wh[bid] : 0;
  int64_t offer_left = offer < offers.orders.size() ? offers.energies_wh[offer] : 0;
  while (bid_left > 0 && offer_left > 0 && bids.limits[bid] >= offers.limits[offer]) {
    const int64_t energy = std::min(bid_left, offer_left);
    crossing.energy_wh += energy;
    crossing.price_low = offers.limits[offer];
    crossing.price_high = bids.limits[bid];
    bid_left -= energy;
    offer_left -= energy;
    if (bid_left == 0) {
      bid = SkipEmpty(bids, bid + 1);
      bid_left = bid < bids.orders.size() ? bids.energies_wh[bid] : 0;
    }
    if (offer_left == 0) {
      offer = SkipEmpty(offers, offer + 1);
      offer_left = offer < offers.orders.size() ? offers.energies_wh[offer] : 0;
    }
  }
  if (crossing.energy_wh == 0) {
    return crossing;
  }
  // The best bid left over must not want to pay more, the best offer left over not take less.
  if (bid_left > 0) {
    crossing.price_low = std::max(crossing.price_low, bids.limits[bid]);
  }
  if (offer_left > 0) {
    crossing.price_high = std::min(crossing.price_high, offers.limits[offer]);
  }
  PW_CHECK(crossing.price_low <= crossing.price_high, "no price supports the outcome");
  crossing.bids = TakeBest(orders, bids, crossing.energy_wh);
  crossing.offers = TakeBest(orders, offers, crossing.energy_wh);
  return crossing;
}

absl::int128 WelfareOf(const std::vector<BookOrder>& orders, const Crossing& crossing) {
  absl::int128 milli_micros = 0;
  for (const Filled& bid : crossing.bids) {
    milli_micros += absl::int128(orders[bid.order].limit.micros_per_kwh()) * bid.energy_wh;
  }
  for (const Filled& offer : crossing.offers) {
    milli_micros -= absl::int128(orders[offer.order].limit.micros_per_kwh()) * offer.energy_wh;
  }
  return milli_micros;
}

// Takes `cut_wh` of the owner's energy off a side, worst priority first.
RankedSide Trimmed(const std::vector<BookOrder>& orders, RankedSide side, std::string_view owner,
                   int64_t cut_wh) {
  for (size_t i = side.orders.size(); i > 0 && cut_wh > 0; --i) {
    if (orders[side.orders[i - 1]].participant.value() == owner) {
      const int64_t cut = std::min(cut_wh, side.energies_wh[i - 1]);
      side.energies_wh[i - 1] -= cut;
      cut_wh -= cut;
    }
  }
  return side;
}

// Trims one side of the owner's orders by as little as removes the excess. The excess falls with
// the cut, so bisection finds the least.
Crossing CrossTrimmed(const std::vector<BookOrder>& orders, const RankedSide& bids,
                      const RankedSide& offers, std::string_view owner, Side side) {
  const RankedSide& whole = side == Side::kBid ? bids : offers;
  const auto cross = [&](int64_t cut_wh) {
    const RankedSide trimmed = Trimmed(orders, whole, owner, cut_wh);
    return side == Side::kBid ? Cross(orders, trimmed, offers) : Cross(orders, bids, trimmed);
  };
  int64_t too_little = 0;
  int64_t enough = 0;
  for (size_t i = 0; i < whole.orders.size(); ++i) {
    if (orders[whole.orders[i]].participant.value() == owner) {
      enough += whole.energies_wh[i];
    }
  }
  while (enough - too_little > 1) {
    const int64_t middle = too_little + (enough - too_little) / 2;
    // Too large a cut may leave another owner in excess; the least that is enough leaves none.
    const Crossing crossing = cross(middle);
    const std::optional<Excess> excess = FindExcess(crossing.bids, crossing.offers);
    (excess.has_value() && excess->owner == owner ? too_little : enough) = middle;
  }
  return cross(enough);
}

}  // namespace

absl::StatusOr<ClearingResult> Clear(const std::vector<BookOrder>& orders) {
  PW_RETURN_IF_ERROR(CheckBook(orders));
  const std::vector<uint32_t> by_time = ByTime(orders);
  const RankedSide bids = Rank(orders, by_time, Side::kBid);
  const RankedSide offers = Rank(orders, by_time, Side::kOffer);
  Crossing crossing = Cross(orders, bids, offers);
  if (const std::optional<Excess> excess = FindExcess(crossing.bids, crossing.offers)) {
    Crossing fewer_bids = CrossTrimmed(orders, bids, offers, excess->owner, Side::kBid);
    Crossing fewer_offers = CrossTrimmed(orders, bids, offers, excess->owner, Side::kOffer);
    crossing = WelfareOf(orders, fewer_bids) >= WelfareOf(orders, fewer_offers)
                   ? std::move(fewer_bids)
                   : std::move(fewer_offers);
  }

  ClearingResult result;
  result.fills.assign(orders.size(), Energy());
  if (crossing.energy_wh == 0) {
    return result;
  }
  for (const std::vector<Filled>* side : {&crossing.bids, &crossing.offers}) {
    for (const Filled& fill : *side) {
      result.fills[fill.order] = Energy::WattHours(fill.energy_wh);
    }
  }
  result.energy = Energy::WattHours(crossing.energy_wh);
  result.price_low = Price::MicrosPerKwh(crossing.price_low);
  result.price_high = Price::MicrosPerKwh(crossing.price_high);
  result.price = Price::MicrosPerKwh(
      MulDiv(AddOrDie(crossing.price_low, crossing.price_high), 1, 2, Rounding::kDown));
  const absl::int128 welfare = WelfareOf(orders, crossing) / 1000;  // Never negative.
  PW_CHECK(welfare <= std::numeric_limits<int64_t>::max(), "welfare does not fit 64 bits");
  result.welfare = Money::Micros(static_cast<int64_t>(welfare));
  result.trades = PairFills(crossing.bids, crossing.offers);
  return result;
}

}  // namespace peerwatt::market
