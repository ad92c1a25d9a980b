#include "services/market/checker/preferences.h"

#include <algorithm>
#include <limits>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/numeric/int128.h"

namespace peerwatt::market::checker {
namespace {

using clearing::Condition;
using clearing::Edge;
using clearing::Network;
using clearing::Preference;
using clearing::PreferenceOutcome;
using clearing::Request;
using clearing::Way;

constexpr uint32_t kAnybody = std::numeric_limits<uint32_t>::max();

bool Has(const std::vector<uint32_t>& values, uint32_t value) {
  return std::count(values.begin(), values.end(), value) != 0;
}

// Whether an order lets another be its partner.
bool LetsIn(const Preference& preference, const Request& partner) {
  for (const Condition& wanted : preference.any_of) {
    const bool is_offer = partner.entry.way() == Way::kSell;
    if (is_offer && (wanted.types & uint32_t{1} << partner.type) == 0) continue;
    if (!wanted.zones.empty() && !Has(wanted.zones, partner.zone)) continue;
    if (!wanted.partners.empty() && !Has(wanted.partners, partner.account)) continue;
    if (Has(wanted.excluded, partner.account)) continue;
    return true;
  }
  return preference.any_of.empty();
}

bool IsWished(const Preference& wish, const Request& bid, const Request& offer) {
  if (wish.premium <= 0 || (wish.premium_local && bid.zone != offer.zone)) {
    return false;
  }
  return wish.premium_types == 0 || (wish.premium_types & uint32_t{1} << offer.type) != 0;
}

// Looks at one outcome.
class Proof {
 public:
  Proof(std::span<const Request> requests, std::span<const Preference> preferences,
        const Network& network, const PreferenceOutcome& found)
      : requests_(requests),
        preferences_(preferences),
        network_(network),
        found_(found),
        outcome_(found.outcome) {}

  Verdict Run() {
    for (const auto step : {&Proof::CheckShape, &Proof::CheckOrders, &Proof::CheckLines,
                            &Proof::CheckDeals, &Proof::CheckKinds, &Proof::CheckSums}) {
      if (const Verdict verdict = (this->*step)(); !verdict.ok()) {
        return verdict;
      }
    }
    return {};
  }

 private:
  // Orders that no preference tells apart: the one whose surcharge binds stands for them.
  struct Kind {
    uint32_t order = 0;
    uint32_t joined = 0;
    uint32_t sole_owner = kAnybody;
    int64_t surcharge = 0;
  };

  bool IsBid(uint32_t order) const { return requests_[order].entry.way() == Way::kBuy; }
  const Preference& WishOf(uint32_t order) const {
    return preferences_[requests_[order].preference];
  }
  // What an order would be sold or bought at in a zone.
  int64_t PriceOf(uint32_t order, uint32_t zone) const {
    return outcome_.zones[zone].price + found_.surcharges[order];
  }

  Verdict CheckShape() {
    const bool has_shape =
        outcome_.fills.size() == requests_.size() && found_.surcharges.size() == requests_.size() &&
        (outcome_.withdrawn.empty() || outcome_.withdrawn.size() == requests_.size()) &&
        outcome_.zones.size() == network_.zones && outcome_.flows.size() == network_.edges.size();
    if (!has_shape) {
      return {Flaw::kShape, 0};
    }
    for (uint32_t i = 0; i < requests_.size(); ++i) {
      if (requests_[i].preference >= preferences_.size() || requests_[i].zone >= network_.zones) {
        return {Flaw::kShape, i};
      }
    }
    return {};
  }

  Verdict CheckOrders() {
    balance_wh_.assign(network_.zones, 0);
    for (uint32_t i = 0; i < requests_.size(); ++i) {
      const clearing::Entry& entry = requests_[i].entry;
      const Energy withdrawn = outcome_.withdrawn.empty() ? Energy() : outcome_.withdrawn[i];
      const Energy fill = outcome_.fills[i];
      if (withdrawn < Energy() || fill < Energy() || fill > entry.energy - withdrawn) {
        return {Flaw::kFill, i};
      }
      const int64_t price = PriceOf(i, requests_[i].zone);
      const int64_t gain = IsBid(i) ? entry.limit - price : price - entry.limit;
      if (fill > Energy() && gain < 0) {
        return {Flaw::kUnwilling, i};
      }
      if (fill < entry.energy - withdrawn && gain > 0) {
        return {Flaw::kPassedOver, i};
      }
      const int64_t sold = IsBid(i) ? -fill.wh() : fill.wh();
      balance_wh_[requests_[i].zone] += sold;
      welfare_ -= absl::int128(entry.limit) * sold;
    }
    return {};
  }

  Verdict CheckLines() {
    joined_.resize(network_.zones);
    for (uint32_t zone = 0; zone < network_.zones; ++zone) {
      joined_[zone] = zone;
    }
    for (size_t i = 0; i < network_.edges.size(); ++i) {
      const Edge& edge = network_.edges[i];
      const int64_t energy = outcome_.flows[i].energy_wh;
      if ((edge.capacity.has_value() && energy > edge.capacity->wh()) ||
          (edge.capacity_back.has_value() && -energy > edge.capacity_back->wh())) {
        return {Flaw::kCapacity, i};
      }
      const int64_t gain = outcome_.zones[edge.to].price - outcome_.zones[edge.from].price;
      const bool has_room = !edge.capacity.has_value() || energy < edge.capacity->wh();
      const bool has_room_back =
          !edge.capacity_back.has_value() || -energy < edge.capacity_back->wh();
      if ((gain > edge.fee && has_room) || (-gain > edge.fee && has_room_back)) {
        return {Flaw::kArbitrage, i};
      }
      if ((energy > 0 && gain < edge.fee) || (energy < 0 && -gain < edge.fee)) {
        return {Flaw::kFlowAtLoss, i};
      }
      if (outcome_.flows[i].congestion != std::max<int64_t>(std::max(gain, -gain) - edge.fee, 0)) {
        return {Flaw::kCongestion, i};
      }
      balance_wh_[edge.from] -= energy;
      balance_wh_[edge.to] += energy;
      welfare_ -= absl::int128(edge.fee) * std::max(energy, -energy);
      JoinZones(edge.from, edge.to);
    }
    const auto off =
        std::find_if(balance_wh_.begin(), balance_wh_.end(), [](int64_t wh) { return wh != 0; });
    return off == balance_wh_.end()
               ? Verdict()
               : Verdict{Flaw::kBalance, static_cast<size_t>(off - balance_wh_.begin())};
  }

  uint32_t HeadOf(uint32_t zone) {
    while (joined_[zone] != zone) {
      joined_[zone] = joined_[joined_[zone]];
      zone = joined_[zone];
    }
    return zone;
  }
  void JoinZones(uint32_t a, uint32_t b) { joined_[HeadOf(a)] = HeadOf(b); }

  // Whether an offer may be sold to a bid, whoever owns them.
  bool Fit(uint32_t offer, uint32_t bid) const {
    return LetsIn(WishOf(bid), requests_[offer]) && LetsIn(WishOf(offer), requests_[bid]);
  }
  int64_t PremiumOf(uint32_t offer, uint32_t bid) const {
    return IsWished(WishOf(bid), requests_[bid], requests_[offer]) ? WishOf(bid).premium : 0;
  }

  Verdict CheckDeals() {
    std::vector<clearing::Pair> trades;
    std::vector<clearing::Entry> book;
    for (const Request& request : requests_) {
      book.push_back(request.entry);
    }
    for (const clearing::Deal& deal : found_.deals) {
      trades.push_back({deal.bid, deal.offer, deal.energy});
    }
    if (const Verdict verdict = CheckTrades(book, outcome_, trades); !verdict.ok()) {
      return verdict;
    }
    constexpr int64_t kBound = kPriceMax.micros_per_kwh();
    for (size_t i = 0; i < found_.deals.size(); ++i) {
      const clearing::Deal& deal = found_.deals[i];
      const uint32_t here = requests_[deal.offer].zone;
      const uint32_t there = requests_[deal.bid].zone;
      const int64_t premium = PremiumOf(deal.offer, deal.bid);
      if (HeadOf(here) != HeadOf(there) || !Fit(deal.offer, deal.bid) ||
          found_.surcharges[deal.bid] != found_.surcharges[deal.offer] - premium) {
        return {Flaw::kPreference, i};
      }
      const int64_t price = std::clamp(PriceOf(deal.offer, here), -kBound, kBound);
      const int64_t paid = std::clamp(PriceOf(deal.offer, there), -kBound, kBound);
      if (deal.price != price || deal.fee != paid - price) {
        return {Flaw::kPrice, i};
      }
      welfare_ += absl::int128(premium) * deal.energy.wh();
    }
    return {};
  }

  // No bid would pay more for an offer that it might be sold: of all offers of a kind that with the
  // least surcharge, of bids that with the greatest, stand for the others.
  Verdict CheckKinds() {
    const absl::flat_hash_set<uint32_t> owners(found_.apart.begin(), found_.apart.end());
    absl::flat_hash_set<uint32_t> accounts;
    absl::flat_hash_set<uint32_t> zones;
    for (const Preference& preference : preferences_) {
      for (const Condition& condition : preference.any_of) {
        accounts.insert(condition.partners.begin(), condition.partners.end());
        accounts.insert(condition.excluded.begin(), condition.excluded.end());
        zones.insert(condition.zones.begin(), condition.zones.end());
      }
    }
    for (uint32_t i = 0; i < requests_.size(); ++i) {
      if (IsBid(i) && WishOf(i).premium_local) zones.insert(requests_[i].zone);
    }
    std::vector<Kind> offers;
    std::vector<Kind> bids;
    using Traits = std::tuple<bool, uint32_t, uint32_t, uint32_t, uint32_t, uint32_t, uint32_t>;
    absl::flat_hash_map<Traits, size_t> numbers;
    for (uint32_t i = 0; i < requests_.size(); ++i) {
      const Request& request = requests_[i];
      const bool is_bid = IsBid(i);
      const uint32_t owner = request.entry.owner();
      const Kind kind = {i, HeadOf(request.zone), owners.contains(owner) ? owner : kAnybody,
                         found_.surcharges[i]};
      std::vector<Kind>& side = is_bid ? bids : offers;
      const auto [at, is_new] = numbers.try_emplace(
          {is_bid, kind.joined, zones.contains(request.zone) ? request.zone : kAnybody,
           is_bid ? 0 : request.type, kind.sole_owner,
           accounts.contains(request.account) ? request.account : kAnybody, request.preference},
          side.size());
      if (is_new) {
        side.push_back(kind);
      } else if (is_bid ? kind.surcharge > side[at->second].surcharge
                        : kind.surcharge < side[at->second].surcharge) {
        side[at->second] = kind;
      }
    }
    for (const Kind& offer : offers) {
      for (const Kind& bid : bids) {
        const bool is_same = offer.sole_owner != kAnybody && offer.sole_owner == bid.sole_owner;
        if (offer.joined == bid.joined && !is_same &&
            bid.surcharge > offer.surcharge - PremiumOf(offer.order, bid.order) &&
            Fit(offer.order, bid.order)) {
          return {Flaw::kPreference, offer.order};
        }
      }
    }
    return {};
  }

  Verdict CheckSums() {
    Energy requiring;
    Energy requiring_traded;
    Energy premium_traded;
    Energy premium_met;
    Energy traded;
    for (uint32_t i = 0; i < requests_.size(); ++i) {
      if (!WishOf(i).any_of.empty()) {
        requiring += requests_[i].entry.energy;
        requiring_traded += outcome_.fills[i];
      }
    }
    for (const clearing::Deal& deal : found_.deals) {
      traded += deal.energy;
      premium_traded += WishOf(deal.bid).premium > 0 ? deal.energy : Energy();
      premium_met += PremiumOf(deal.offer, deal.bid) > 0 ? deal.energy : Energy();
    }
    if (outcome_.welfare_milli_micros != welfare_) {
      return {Flaw::kWelfare, 0};
    }
    const bool is_right = traded == outcome_.energy && requiring == found_.requiring &&
                          requiring_traded == found_.requiring_traded &&
                          premium_traded == found_.premium_traded &&
                          premium_met == found_.premium_met;
    return is_right ? Verdict() : Verdict{Flaw::kEnergy, 0};
  }

  std::span<const Request> requests_;
  std::span<const Preference> preferences_;
  const Network& network_;
  const PreferenceOutcome& found_;
  const clearing::Outcome& outcome_;
  std::vector<int64_t> balance_wh_;  // Sold less bought, by zone.
  std::vector<uint32_t> joined_;     // Zones that lines join, however far.
  absl::int128 welfare_ = 0;
};

}  // namespace

Verdict CheckPreferences(std::span<const Request> requests, std::span<const Preference> preferences,
                         const Network& network, const PreferenceOutcome& found) {
  return Proof(requests, preferences, network, found).Run();
}

}  // namespace peerwatt::market::checker
