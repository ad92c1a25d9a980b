#include "services/market/checker/preferences.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"

namespace peerwatt::market::checker {
namespace {

using clearing::Condition;
using clearing::Edge;
using clearing::Network;
using clearing::Preference;
using clearing::PreferenceOutcome;
using clearing::Request;
using clearing::Way;

constexpr int64_t kFar = std::numeric_limits<int64_t>::max();

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
      : requests_(requests), preferences_(preferences), network_(network), found_(found) {}

  Verdict Run() {
    for (const auto step : {&Proof::CheckBook, &Proof::CheckClasses, &Proof::CheckEdges,
                            &Proof::CheckOptimum, &Proof::CheckDeals, &Proof::CheckShares}) {
      if (const Verdict verdict = (this->*step)(); !verdict.ok()) {
        return verdict;
      }
    }
    return {};
  }

 private:
  bool IsBid(uint32_t order) const { return requests_[order].entry.way() == Way::kBuy; }
  const Preference& WishOf(uint32_t order) const {
    return preferences_[requests_[order].preference];
  }

  // The book solved is that asked, with every bid raised by the same.
  Verdict CheckBook() {
    if (found_.classes.size() != requests_.size() || found_.class_book.size() != requests_.size() ||
        found_.outcome.fills.size() != requests_.size() || !found_.outcome.withdrawn.empty()) {
      return {Flaw::kShape, 0};
    }
    std::optional<int64_t> raise;
    for (uint32_t i = 0; i < requests_.size(); ++i) {
      const clearing::Entry& asked = requests_[i].entry;
      const clearing::Entry& solved = found_.class_book[i];
      const int64_t raised = int64_t{solved.limit} - asked.limit;
      if (IsBid(i) && !raise.has_value()) {
        raise = raised;
      }
      if (raised != (IsBid(i) ? *raise : 0) || solved.energy != asked.energy ||
          solved.owner_and_way != asked.owner_and_way ||
          found_.classes[i] >= found_.class_network.zones ||
          requests_[i].preference >= preferences_.size() || requests_[i].zone >= network_.zones) {
        return {Flaw::kShape, i};
      }
    }
    raise_ = raise.value_or(0);
    return {};
  }

  // An owner on both sides, or an account that somebody names, must not share a class with others.
  Verdict CheckClasses() {
    absl::flat_hash_map<uint32_t, int> sides;
    absl::flat_hash_set<uint32_t> named;
    for (const Request& request : requests_) {
      sides[request.entry.owner()] |= request.entry.way() == Way::kBuy ? 1 : 2;
    }
    for (const Preference& preference : preferences_) {
      for (const Condition& condition : preference.any_of) {
        named.insert(condition.partners.begin(), condition.partners.end());
        named.insert(condition.excluded.begin(), condition.excluded.end());
      }
    }
    first_of_.assign(found_.class_network.zones, kNobody);
    for (uint32_t i = 0; i < requests_.size(); ++i) {
      uint32_t& first = first_of_[found_.classes[i]];
      first = first == kNobody ? i : first;
      const Request& a = requests_[first];
      const Request& b = requests_[i];
      const bool is_same_owner = a.entry.owner() == b.entry.owner() ||
                                 (sides[a.entry.owner()] != 3 && sides[b.entry.owner()] != 3);
      const bool is_same_account =
          a.account == b.account || (!named.contains(a.account) && !named.contains(b.account));
      if (IsBid(first) != IsBid(i) || a.zone != b.zone || a.preference != b.preference ||
          (!IsBid(i) && a.type != b.type) || !is_same_owner || !is_same_account) {
        return {Flaw::kPreference, i};
      }
    }
    return {};
  }

  // The least fees from one zone: every line is looked at again while it shortens a way.
  std::vector<int64_t> LeastFees(uint32_t zone) const {
    std::vector<int64_t> fees(network_.zones, kFar);
    fees[zone] = 0;
    for (bool is_shorter = true; is_shorter;) {
      is_shorter = false;
      for (const Edge& line : network_.edges) {
        for (const auto& [a, b] : {std::pair(line.from, line.to), std::pair(line.to, line.from)}) {
          if (fees[a] != kFar && fees[a] + line.fee < fees[b]) {
            fees[b] = fees[a] + line.fee;
            is_shorter = true;
          }
        }
      }
    }
    return fees;
  }

  Verdict CheckEdges() {
    int64_t highest = std::numeric_limits<int32_t>::min();
    int64_t lowest = std::numeric_limits<int32_t>::max();
    for (const clearing::Entry& entry : found_.class_book) {
      highest = entry.way() == Way::kBuy ? std::max<int64_t>(highest, entry.limit) : highest;
      lowest = entry.way() == Way::kSell ? std::min<int64_t>(lowest, entry.limit) : lowest;
    }
    absl::flat_hash_map<uint64_t, size_t> edges;
    for (size_t i = 0; i < found_.class_network.edges.size(); ++i) {
      const Edge& edge = found_.class_network.edges[i];
      if (!edges.try_emplace(KeyOf(edge.from, edge.to), i).second || edge.capacity.has_value() ||
          edge.capacity_back != Energy()) {
        return {Flaw::kPreference, i};
      }
    }
    fees_.assign(found_.class_network.edges.size(), kFar);
    absl::flat_hash_map<uint32_t, std::vector<int64_t>> fees_from;
    size_t matched = 0;
    for (uint32_t from = 0; from < first_of_.size(); ++from) {
      if (first_of_[from] == kNobody || IsBid(first_of_[from])) continue;
      const uint32_t zone = requests_[first_of_[from]].zone;
      if (!fees_from.contains(zone)) fees_from[zone] = LeastFees(zone);
      for (uint32_t to = 0; to < first_of_.size(); ++to) {
        if (first_of_[to] == kNobody || !IsBid(first_of_[to])) continue;
        const int64_t fee = fees_from[zone][requests_[first_of_[to]].zone];
        const auto edge = edges.find(KeyOf(from, to));
        const bool is_there = edge != edges.end();
        const std::optional<int64_t> cost = CostOf(first_of_[from], first_of_[to], fee);
        // A way that costs more than any bid exceeds any offer may be left out.
        if (is_there ? cost != found_.class_network.edges[edge->second].fee
                     : cost.has_value() && *cost < highest - lowest) {
          return {Flaw::kPreference, is_there ? edge->second : first_of_[to]};
        }
        if (is_there) {
          fees_[edge->second] = fee;
          ++matched;
        }
      }
    }
    return matched == edges.size() ? Verdict() : Verdict{Flaw::kPreference, edges.size()};
  }

  // What a watt hour between two orders costs welfare; nothing when they may not trade.
  std::optional<int64_t> CostOf(uint32_t offer, uint32_t bid, int64_t fee) const {
    if (fee == kFar || requests_[offer].entry.owner() == requests_[bid].entry.owner() ||
        !LetsIn(WishOf(bid), requests_[offer]) || !LetsIn(WishOf(offer), requests_[bid])) {
      return std::nullopt;
    }
    const bool is_wished = IsWished(WishOf(bid), requests_[bid], requests_[offer]);
    return fee - (is_wished ? WishOf(bid).premium : 0) + raise_;
  }

  Verdict CheckOptimum() {
    return Check(found_.class_book, found_.classes, found_.class_network, {}, found_.outcome);
  }

  Verdict CheckDeals() {
    std::vector<Trade> trades;
    absl::flat_hash_map<uint64_t, int64_t> moved;
    for (const clearing::Deal& deal : found_.deals) {
      trades.push_back({deal.bid, deal.offer, deal.energy});
    }
    if (const Verdict verdict = CheckTrades(found_.class_book, found_.outcome, trades);
        !verdict.ok()) {
      return verdict;
    }
    absl::flat_hash_map<uint64_t, int64_t> fee_of;
    for (size_t i = 0; i < found_.class_network.edges.size(); ++i) {
      const Edge& edge = found_.class_network.edges[i];
      moved[KeyOf(edge.from, edge.to)] = found_.outcome.flows[i].energy_wh;
      fee_of[KeyOf(edge.from, edge.to)] = fees_[i];
    }
    for (size_t i = 0; i < found_.deals.size(); ++i) {
      const clearing::Deal& deal = found_.deals[i];
      const uint32_t seller = found_.classes[deal.offer];
      const uint64_t key = KeyOf(seller, found_.classes[deal.bid]);
      if (!moved.contains(key)) {
        return {Flaw::kPreference, i};
      }
      if (deal.price != found_.outcome.zones[seller].price || deal.fee != fee_of[key]) {
        return {Flaw::kPrice, i};
      }
      moved[key] -= deal.energy.wh();
    }
    const bool is_all =
        std::all_of(moved.begin(), moved.end(), [](const auto& left) { return left.second == 0; });
    return is_all ? Verdict() : Verdict{Flaw::kTrade, found_.deals.size()};
  }

  Verdict CheckShares() {
    Energy requiring;
    Energy requiring_traded;
    Energy premium_traded;
    Energy premium_met;
    for (uint32_t i = 0; i < requests_.size(); ++i) {
      if (!WishOf(i).any_of.empty()) {
        requiring += requests_[i].entry.energy;
        requiring_traded += found_.outcome.fills[i];
      }
    }
    for (const clearing::Deal& deal : found_.deals) {
      const Preference& wish = WishOf(deal.bid);
      premium_traded += wish.premium > 0 ? deal.energy : Energy();
      premium_met +=
          IsWished(wish, requests_[deal.bid], requests_[deal.offer]) ? deal.energy : Energy();
    }
    const bool is_right =
        requiring == found_.requiring && requiring_traded == found_.requiring_traded &&
        premium_traded == found_.premium_traded && premium_met == found_.premium_met;
    return is_right ? Verdict() : Verdict{Flaw::kEnergy, 0};
  }

  static uint64_t KeyOf(uint32_t from, uint32_t to) { return uint64_t{from} << 32 | to; }
  static constexpr uint32_t kNobody = std::numeric_limits<uint32_t>::max();

  std::span<const Request> requests_;
  std::span<const Preference> preferences_;
  const Network& network_;
  const PreferenceOutcome& found_;
  int64_t raise_ = 0;
  std::vector<uint32_t> first_of_;
  std::vector<int64_t> fees_;
};

}  // namespace

Verdict CheckPreferences(std::span<const Request> requests, std::span<const Preference> preferences,
                         const Network& network, const PreferenceOutcome& found) {
  return Proof(requests, preferences, network, found).Run();
}

}  // namespace peerwatt::market::checker
