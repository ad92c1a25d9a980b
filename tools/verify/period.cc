#include "tools/verify/period.h"

#include <algorithm>
#include <numeric>
#include <set>
#include <utility>

#include "absl/numeric/int128.h"

namespace peerwatt::verify {
namespace {

constexpr int64_t kMillion = 1'000'000;
// Twice the product of two smaller numbers fits 64 bits, which are divided much faster than 128.
constexpr int64_t kSmall = int64_t{1} << 31;

bool IsSmall(int64_t number) { return number < kSmall && number > -kSmall; }

/// product / c, to the nearest, of two equally near to the even one.
template <typename Wide>
Wide QuotientHalfEven(Wide product, int64_t c) {
  Wide quotient = product / c;
  Wide rest = product % c;
  if (rest < 0) {
    quotient -= 1;
    rest += c;
  }
  if (rest * 2 > c || (rest * 2 == c && quotient % 2 != 0)) quotient += 1;
  return quotient;
}

/// sum: of the weights, above 0.
template <typename Wide>
std::vector<int64_t> Split(int64_t total, const std::vector<int64_t>& weights, Wide sum) {
  std::vector<int64_t> parts(weights.size());
  std::vector<std::pair<Wide, size_t>> rests(weights.size());
  int64_t left = total;
  for (size_t i = 0; i < weights.size(); ++i) {
    const Wide product = Wide(total) * weights[i];
    parts[i] = static_cast<int64_t>(product / sum);
    // Negative: the largest remainder comes first, of equal ones the first weight.
    rests[i] = {-(product % sum), i};
    left -= parts[i];
  }
  if (left > 0) std::sort(rests.begin(), rests.end());
  for (size_t i = 0; left > 0; ++i, --left) ++parts[rests[i].second];
  return parts;
}

int64_t Amount(int64_t energy_wh, int64_t price) { return RoundHalfEven(energy_wh, price, 1000); }

/// What crosses a connection: one of the two is 0.
struct Crossing {
  int64_t draw = 0;
  int64_t feed = 0;
};

std::vector<Crossing> CrossingsOf(const std::vector<Site>& sites, Energies& energies) {
  std::vector<Crossing> crossings;
  crossings.reserve(sites.size());
  for (const Site& site : sites) {
    const int64_t self = std::min(site.import_wh, site.export_wh);
    crossings.push_back({site.import_wh - self, site.export_wh - self});
    energies.drawn += crossings.back().draw;
    energies.fed_in += crossings.back().feed;
    energies.self_consumed += self;
  }
  return crossings;
}

void PayDeal(const Terms& terms, const Deal& deal, int64_t energy_wh, DealAmounts& amounts) {
  amounts.energy_wh = energy_wh;
  amounts.price = Amount(energy_wh, deal.price);
  amounts.fee = Amount(energy_wh, deal.fee);
  if (amounts.price > 0) amounts.share = RoundHalfEven(amounts.price, terms.operator_ppm, kMillion);
}

void PayGrid(const Terms& terms, int64_t retail_wh, int64_t surplus_wh, SiteAmounts& amounts,
             Energies& energies) {
  amounts.retail = -Amount(retail_wh, terms.retail);
  amounts.feed_in = Amount(surplus_wh, terms.feed_in);
  energies.retail += retail_wh;
  energies.surplus += surplus_wh;
}

/// The deals of each site as one of their parties, in their order: those of site i are
/// `deals[begins[i]]` up to `deals[begins[i + 1]]`.
struct OwnDeals {
  std::vector<size_t> begins;
  std::vector<uint32_t> deals;
};

OwnDeals OwnDealsOf(size_t sites, const std::vector<Deal>& deals, uint32_t Deal::*party) {
  OwnDeals own;
  own.begins.assign(sites + 1, 0);
  for (const Deal& deal : deals) ++own.begins[deal.*party + 1];
  std::partial_sum(own.begins.begin(), own.begins.end(), own.begins.begin());
  own.deals.resize(deals.size());
  std::vector<size_t> next = own.begins;
  for (size_t i = 0; i < deals.size(); ++i) {
    own.deals[next[deals[i].*party]++] = static_cast<uint32_t>(i);
  }
  return own;
}

/// Of each party's trades, what it moved is shared over them; a trade delivers the lesser of the
/// two parts.
std::vector<int64_t> DeliveriesOf(const std::vector<Crossing>& crossings,
                                  const std::vector<Deal>& deals) {
  std::vector<int64_t> delivered(deals.size());
  for (size_t i = 0; i < deals.size(); ++i) delivered[i] = deals[i].energy_wh;
  std::vector<int64_t> weights;
  for (const bool is_seller : {true, false}) {
    const OwnDeals own =
        OwnDealsOf(crossings.size(), deals, is_seller ? &Deal::seller : &Deal::buyer);
    for (size_t site = 0; site < crossings.size(); ++site) {
      const size_t begin = own.begins[site];
      weights.clear();
      int64_t agreed = 0;
      for (size_t i = begin; i < own.begins[site + 1]; ++i) {
        weights.push_back(deals[own.deals[i]].energy_wh);
        agreed += weights.back();
      }
      const int64_t moved = is_seller ? crossings[site].feed : crossings[site].draw;
      // Whoever moved all that was agreed delivers all of it.
      if (moved >= agreed) continue;
      const std::vector<int64_t> parts = SplitByRemainder(moved, weights);
      for (size_t i = 0; i < parts.size(); ++i) {
        int64_t& deal = delivered[own.deals[begin + i]];
        deal = std::min(deal, parts[i]);
      }
    }
  }
  return delivered;
}

void SettleAsDelivered(const Terms& terms, const std::vector<Crossing>& crossings,
                       const std::vector<Deal>& deals, Outcome& outcome) {
  const std::vector<int64_t> delivered = DeliveriesOf(crossings, deals);
  std::vector<Crossing> left = crossings;
  for (size_t i = 0; i < deals.size(); ++i) {
    PayDeal(terms, deals[i], delivered[i], outcome.deals[i]);
    left[deals[i].buyer].draw -= delivered[i];
    left[deals[i].seller].feed -= delivered[i];
    outcome.energies.delivered += delivered[i];
  }
  for (size_t i = 0; i < left.size(); ++i) {
    PayGrid(terms, left[i].draw, left[i].feed, outcome.sites[i], outcome.energies);
  }
}

void SettleFirm(const Terms& terms, const std::vector<Crossing>& crossings,
                const std::vector<Deal>& deals, Outcome& outcome) {
  std::vector<int64_t> agreed(crossings.size(), 0);  // bought less sold
  std::vector<bool> is_party(crossings.size(), false);
  for (size_t i = 0; i < deals.size(); ++i) {
    PayDeal(terms, deals[i], deals[i].energy_wh, outcome.deals[i]);
    agreed[deals[i].buyer] += deals[i].energy_wh;
    agreed[deals[i].seller] -= deals[i].energy_wh;
    is_party[deals[i].buyer] = is_party[deals[i].seller] = true;
    outcome.energies.delivered += deals[i].energy_wh;
  }
  for (size_t i = 0; i < crossings.size(); ++i) {
    if (!is_party[i]) {
      PayGrid(terms, crossings[i].draw, crossings[i].feed, outcome.sites[i], outcome.energies);
      continue;
    }
    const int64_t short_by = crossings[i].draw - crossings[i].feed - agreed[i];
    if (short_by > 0) {
      outcome.sites[i].imbalance_purchase = -Amount(short_by, terms.imbalance_purchase);
      outcome.energies.imbalance_bought += short_by;
    } else {
      outcome.sites[i].imbalance_sale = Amount(-short_by, terms.imbalance_sale);
      outcome.energies.imbalance_sold -= short_by;
    }
  }
}

/// Who takes how much of a pool, by site. Keys with coefficients also know one who is not there:
/// the coefficients that no site has, whose part nobody takes.
class PoolTaking {
 public:
  PoolTaking(const Terms& terms, const std::vector<Site>& sites,
             const std::vector<Crossing>& crossings)
      : sites_(sites), crossings_(crossings), taken_(sites.size(), 0) {
    for (const Crossing& crossing : crossings) left_ += crossing.feed;
    switch (terms.key) {
      case Terms::Key::kStatic:
        OfferByCoefficient(false);
        break;
      case Terms::Key::kProportional:
        GiveByNeed([](const Site&) { return true; });
        break;
      case Terms::Key::kEqual:
        OfferEqually();
        break;
      case Terms::Key::kCascading:
        for (const int64_t rank : Ranks()) {
          GiveByNeed([&](const Site& site) { return site.rank == rank; });
        }
        break;
      case Terms::Key::kRelative:
        for (size_t round = 0; round <= sites.size() + 1 && left_ > 0; ++round) {
          OfferByCoefficient(true);
        }
        break;
      case Terms::Key::kOptimal:
        OfferByCoefficient(false);
        GiveByNeed([](const Site&) { return true; });
        break;
    }
  }
  const std::vector<int64_t>& taken() const { return taken_; }

 private:
  int64_t NeedOf(size_t site) const { return crossings_[site].draw - taken_[site]; }

  std::set<int64_t> Ranks() const {
    std::set<int64_t> ranks;
    for (size_t i = 0; i < sites_.size(); ++i) {
      if (crossings_[i].draw > 0) ranks.insert(sites_[i].rank);
    }
    return ranks;
  }

  /// Offers what is left; a site takes no more of its part than it needs. skip: parts that belong
  /// to no site come first.
  void Offer(int64_t total, const std::vector<int64_t>& weights, size_t skip) {
    const std::vector<int64_t> parts = SplitByRemainder(total, weights);
    if (parts.empty()) return;
    for (size_t i = 0; i < sites_.size(); ++i) {
      const int64_t part = std::min(parts[i + skip], NeedOf(i));
      taken_[i] += part;
      left_ -= part;
    }
  }
  void OfferByCoefficient(bool to_those_in_need) {
    std::vector<int64_t> weights(1, kMillion);
    for (size_t i = 0; i < sites_.size(); ++i) {
      weights[0] -= sites_[i].coefficient;
      const bool may = !to_those_in_need || NeedOf(i) > 0;
      weights.push_back(may ? sites_[i].coefficient : 0);
    }
    // Who is not there needs nothing.
    if (to_those_in_need) weights[0] = 0;
    Offer(left_, weights, 1);
  }
  void OfferEqually() {
    std::vector<int64_t> weights;
    for (const Crossing& crossing : crossings_) weights.push_back(crossing.draw > 0 ? 1 : 0);
    Offer(left_, weights, 0);
  }
  template <typename May>
  void GiveByNeed(May may) {
    std::vector<int64_t> weights;
    int64_t needed = 0;
    for (size_t i = 0; i < sites_.size(); ++i) {
      weights.push_back(may(sites_[i]) ? NeedOf(i) : 0);
      needed += weights.back();
    }
    Offer(std::min(left_, needed), weights, 0);
  }

  const std::vector<Site>& sites_;
  const std::vector<Crossing>& crossings_;
  std::vector<int64_t> taken_;
  int64_t left_ = 0;
};

/// Splits money, which may be negative, in proportion to energies.
std::vector<int64_t> SplitMoney(int64_t micros, const std::vector<int64_t>& energies) {
  std::vector<int64_t> parts = SplitByRemainder(micros < 0 ? -micros : micros, energies);
  parts.resize(energies.size(), 0);
  if (micros < 0) {
    for (int64_t& part : parts) part = -part;
  }
  return parts;
}

void SettlePool(const Terms& terms, const std::vector<Site>& sites,
                const std::vector<Crossing>& crossings, Outcome& outcome) {
  const std::vector<int64_t> taken = PoolTaking(terms, sites, crossings).taken();
  std::vector<int64_t> feeds;
  for (const Crossing& crossing : crossings) feeds.push_back(crossing.feed);
  outcome.energies.delivered = std::accumulate(taken.begin(), taken.end(), int64_t{0});
  std::vector<int64_t> given = SplitByRemainder(outcome.energies.delivered, feeds);
  given.resize(sites.size(), 0);
  int64_t paid = 0;
  for (size_t i = 0; i < sites.size(); ++i) {
    const int64_t price = Amount(taken[i], terms.local);
    const int64_t fee = Amount(taken[i], terms.network_fee);
    paid += price;
    outcome.sites[i].pool -= price + fee;
    outcome.pool_fee += fee;
    PayGrid(terms, crossings[i].draw - taken[i], crossings[i].feed - given[i], outcome.sites[i],
            outcome.energies);
  }
  if (terms.mechanism == Terms::Mechanism::kPool) {
    outcome.pool_share = paid > 0 ? RoundHalfEven(paid, terms.operator_ppm, kMillion) : 0;
    const std::vector<int64_t> parts = SplitMoney(paid - outcome.pool_share, given);
    for (size_t i = 0; i < sites.size(); ++i) outcome.sites[i].pool += parts[i];
    return;
  }
  const std::vector<int64_t> parts = SplitMoney(paid, given);
  for (size_t i = 0; i < sites.size(); ++i) {
    const int64_t share = parts[i] > 0 ? RoundHalfEven(parts[i], terms.operator_ppm, kMillion) : 0;
    outcome.sites[i].pool += parts[i] - share;
    outcome.pool_share += share;
  }
}

}  // namespace

int64_t RoundHalfEven(int64_t a, int64_t b, int64_t c) {
  if (IsSmall(a) && IsSmall(b) && IsSmall(c)) return QuotientHalfEven<int64_t>(a * b, c);
  return static_cast<int64_t>(QuotientHalfEven<absl::int128>(absl::int128(a) * b, c));
}

std::vector<int64_t> SplitByRemainder(int64_t total, const std::vector<int64_t>& weights) {
  absl::int128 sum = 0;
  bool is_small = IsSmall(total);
  for (const int64_t weight : weights) {
    sum += weight;
    is_small = is_small && IsSmall(weight);
  }
  if (sum == 0) return {};
  if (is_small && sum < kSmall) {
    return Split<int64_t>(total, weights, static_cast<int64_t>(sum));
  }
  return Split<absl::int128>(total, weights, sum);
}

Outcome Settle(const Terms& terms, const std::vector<Site>& sites, const std::vector<Deal>& deals) {
  Outcome outcome;
  outcome.deals.resize(deals.size());
  outcome.sites.resize(sites.size());
  const std::vector<Crossing> crossings = CrossingsOf(sites, outcome.energies);
  switch (terms.mechanism) {
    case Terms::Mechanism::kTrading:
      SettleAsDelivered(terms, crossings, deals, outcome);
      break;
    case Terms::Mechanism::kFirmTrading:
      SettleFirm(terms, crossings, deals, outcome);
      break;
    case Terms::Mechanism::kSharing:
    case Terms::Mechanism::kPool:
      SettlePool(terms, sites, crossings, outcome);
      break;
  }
  return outcome;
}

}  // namespace peerwatt::verify
