#include "services/market/core/clearing/network.h"

#include <utility>

#include "libs/base/check.h"
#include "libs/base/status_macros.h"
#include "services/market/core/clearing/mutant.h"
#include "services/market/core/clearing/priority.h"
#include "services/market/core/clearing/zone_pairing.h"
#include "services/market/core/clearing/zones.h"
#include "services/market/core/errors.h"

namespace peerwatt::market::clearing {
namespace {

// Withdraws what owners would have sold to themselves, on one side, until nobody would.
absl::Status KeepApart(std::span<const Entry> book, std::span<const uint32_t> zones,
                       const Network& network, TieRule tie_rule, Way way, Outcome& outcome) {
  std::vector<Entry> left(book.begin(), book.end());
  bool is_trimmed = false;
  while (true) {
    const ZonePairs paired = PairZones(left, zones, network, outcome);
    if (paired.self_pairs.empty()) {
      break;
    }
    for (const Pair& pair : paired.self_pairs) {
      left[way == Way::kBuy ? pair.bid : pair.offer].energy -= pair.energy;
    }
    is_trimmed = true;
    PW_RETURN_IF_ERROR(CrossZones(left, zones, network, Energy(), tie_rule, outcome).status());
  }
  if (is_trimmed) {
    outcome.withdrawn.resize(book.size());
    for (size_t i = 0; i < book.size(); ++i) {
      outcome.withdrawn[i] = book[i].energy - left[i].energy;
    }
  }
  return absl::OkStatus();
}

// Both sides of a zone, best limit first, then earliest.
struct Sides {
  std::vector<Filled> bids;
  std::vector<Filled> offers;
};

std::vector<Filled> FilledOf(std::span<const Entry> book, const Outcome& outcome,
                             std::vector<uint64_t> keys) {
  SortKeys(keys);
  std::vector<Filled> fills;
  fills.reserve(keys.size());
  for (const uint64_t key : keys) {
    const uint32_t i = static_cast<uint32_t>(key);
    fills.push_back({i, book[i].owner(), outcome.fills[i].wh()});
  }
  return fills;
}

Sides BestFirst(std::span<const Entry> book, const Outcome& outcome) {
  std::vector<uint64_t> bids;
  std::vector<uint64_t> offers;
  for (uint32_t i = 0; i < book.size(); ++i) {
    if (outcome.fills[i] > Energy()) {
      const bool is_bid = book[i].way() == Way::kBuy;
      (is_bid ? bids : offers).push_back(uint64_t{RankOf(book[i].way(), book[i].limit)} << 32 | i);
    }
  }
  return {FilledOf(book, outcome, std::move(bids)), FilledOf(book, outcome, std::move(offers))};
}

}  // namespace

absl::Status CheckNetwork(const Network& network) {
  bool is_valid = network.zones >= 1 && network.zones <= kZonesMax;
  for (const Edge& edge : network.edges) {
    is_valid = is_valid && edge.from < network.zones && edge.to < network.zones &&
               edge.from != edge.to && edge.fee >= 0 && edge.fee <= kPriceMax.micros_per_kwh() &&
               edge.capacity.value_or(Energy()) >= Energy() &&
               edge.capacity_back.value_or(Energy()) >= Energy();
  }
  return is_valid ? absl::OkStatus()
                  : Error(kNetworkInvalid, "a line of the network does not join two of its zones");
}

absl::Status ClearNetwork(std::span<const Entry> book, std::span<const uint32_t> zones,
                          const Network& network, const Rules& rules, Scratch& scratch,
                          Outcome& outcome) {
  if (network.zones == 1 && network.edges.empty()) {
    return ClearOneZone(book, rules, scratch, outcome);
  }
  PW_RETURN_IF_ERROR(CheckNetwork(network));
  PW_ASSIGN_OR_RETURN(
      const bool may_have_self_trades,
      CrossZones(book, zones, network, Energy::WattHours(1), rules.tie_rule, outcome));
  if (PW_MUTANT(kZoneSelfTradesAreNotLookedFor, true, !may_have_self_trades)) {
    return absl::OkStatus();
  }
  if (rules.self_trade_mode != SelfTradeMode::kKeepGreaterWelfare) {
    const Way way = rules.self_trade_mode == SelfTradeMode::kWithdrawBids ? Way::kBuy : Way::kSell;
    return KeepApart(book, zones, network, rules.tie_rule, way, outcome);
  }
  Outcome fewer_offers = outcome;
  PW_RETURN_IF_ERROR(KeepApart(book, zones, network, rules.tie_rule, Way::kBuy, outcome));
  if (outcome.withdrawn.empty()) {
    return absl::OkStatus();
  }
  PW_RETURN_IF_ERROR(KeepApart(book, zones, network, rules.tie_rule, Way::kSell, fewer_offers));
  if (fewer_offers.welfare_milli_micros > outcome.welfare_milli_micros) {
    outcome = std::move(fewer_offers);
  }
  return absl::OkStatus();
}

std::vector<Pair> PairOutcome(std::span<const Entry> book, std::span<const uint32_t> zones,
                              const Network& network, const Outcome& outcome) {
  if (network.zones == 1 && network.edges.empty()) {
    const Sides sides = BestFirst(book, outcome);
    return PairFills(sides.bids, sides.offers);
  }
  ZonePairs paired = PairZones(book, zones, network, outcome);
  PW_CHECK(paired.self_pairs.empty(), "an owner would trade with himself");
  return std::move(paired.pairs);
}

}  // namespace peerwatt::market::clearing
