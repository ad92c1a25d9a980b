#include "services/market/core/clearing/preferences.h"

#include <algorithm>
#include <limits>
#include <set>
#include <utility>

#include "absl/numeric/int128.h"
#include "libs/base/check.h"
#include "libs/base/status_macros.h"
#include "services/market/core/clearing/circulation.h"
#include "services/market/core/clearing/mutant.h"
#include "services/market/core/clearing/network.h"
#include "services/market/core/clearing/preference_graph.h"
#include "services/market/core/clearing/preference_prices.h"
#include "services/market/core/clearing/rationing.h"
#include "services/market/core/clearing/zone_pairing.h"
#include "services/market/core/errors.h"

namespace peerwatt::market::clearing {
namespace {

constexpr int64_t kLimitMax = kPriceMax.micros_per_kwh();
constexpr uint8_t kTypes = 32;

bool IsBid(const Request& request) { return request.entry.way() == Way::kBuy; }

bool Contains(const std::vector<uint32_t>& list, uint32_t value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

uint32_t AccountOf(const Request& request) {
  return PW_MUTANT(kPartnersAreMeantByOwner, request.entry.owner(), request.account);
}

bool Holds(const Condition& condition, const Request& partner) {
  const bool has_type = IsBid(partner) || (condition.types >> partner.type & 1) != 0;
  return has_type && (condition.zones.empty() || Contains(condition.zones, partner.zone)) &&
         (condition.partners.empty() || Contains(condition.partners, AccountOf(partner))) &&
         !Contains(condition.excluded, AccountOf(partner));
}

absl::Status CheckRequests(std::span<const Request> requests,
                           std::span<const Preference> preferences, const Network& network) {
  PW_RETURN_IF_ERROR(CheckNetwork(network));
  if (network.zones > kPreferenceZonesMax) {
    return Error(kPreferencesUnsupported, "the network has too many zones for preferences");
  }
  absl::int128 total = 0;
  bool is_valid = requests.size() < std::numeric_limits<uint32_t>::max() / 2;
  for (const Request& request : requests) {
    const Entry& entry = request.entry;
    is_valid = is_valid && entry.energy > Energy() && entry.energy <= kEnergyMax &&
               entry.limit <= kLimitMax && entry.limit >= -kLimitMax;
    total += entry.energy.wh();
  }
  // Of a node's lines each may carry all.
  const absl::int128 most = int64_t{1} << 62;
  if (!is_valid || total * (2 * static_cast<int64_t>(network.edges.size()) + 2) >= most) {
    return Error(kBookInvalid, "an order of the book is out of range, or there are too many");
  }
  for (const Request& request : requests) {
    is_valid = is_valid && request.zone < network.zones && request.type < kTypes &&
               request.preference < preferences.size();
    if (is_valid && IsBid(request)) {
      const int64_t premium = preferences[request.preference].premium;
      is_valid = premium >= 0 && request.entry.limit + premium <= kLimitMax;
    }
  }
  return is_valid ? absl::OkStatus()
                  : Error(kPreferencesInvalid, "a preference of the book cannot be honoured");
}

// Gives the orders of each kind and zone what their arc carries.
void FillOrders(const PreferenceGraph& graph, const Circulation& circulation,
                std::span<const Entry> book, TieRule tie_rule, Outcome& outcome) {
  outcome.fills.assign(book.size(), Energy());
  outcome.energy = Energy();
  for (size_t i = 0; i < graph.ranked.size(); ++i) {
    const size_t arc = graph.first_order_arc + i;
    const int64_t flow = circulation.flows_wh[arc];
    Ration(book, graph.ranked[i], flow, tie_rule, outcome.fills);
    outcome.energy += Energy::WattHours(graph.IsOffers(arc) ? flow : 0);
  }
}

// Who sells to whom, along the arcs between kinds.
ZonePairs PairKinds(const PreferenceGraph& graph, const Circulation& circulation,
                    std::span<const Entry> book, const Outcome& outcome) {
  Network kinds;
  kinds.zones = graph.nodes - graph.zones;
  Outcome moved;
  moved.fills = outcome.fills;
  for (size_t i = graph.first_kind_arc; i < graph.arcs.size(); ++i) {
    if (circulation.flows_wh[i] > 0) {
      Edge edge;
      edge.from = graph.arcs[i].tail - graph.zones;
      edge.to = graph.arcs[i].head - graph.zones;
      kinds.edges.push_back(edge);
      moved.flows.push_back({circulation.flows_wh[i], 0});
    }
  }
  std::vector<uint32_t> kind_of;
  kind_of.reserve(book.size());
  for (const uint32_t node : graph.kind_of) {
    kind_of.push_back(node - graph.zones);
  }
  return PairZones(book, kind_of, kinds, moved);
}

// What is found once nobody trades with himself.
struct Found {
  PreferenceGraph graph;
  Circulation circulation;
  std::vector<Pair> pairs;
};

// Clears, and again with those apart who would trade with themselves, until nobody would.
Found FindOutcome(std::span<const Request> requests, std::span<const Preference> preferences,
                  const Network& network, TieRule tie_rule, PreferenceOutcome& result) {
  std::vector<Entry> left;
  left.reserve(requests.size());
  for (const Request& request : requests) {
    left.push_back(request.entry);
  }
  std::set<uint32_t> apart;
  Outcome& outcome = result.outcome;
  Found found;
  bool is_trimmed = false;
  while (true) {
    found.graph = BuildPreferenceGraph(requests, left, preferences, network, apart);
    found.circulation = CheapestCirculation(found.graph.nodes, found.graph.arcs);
    FillOrders(found.graph, found.circulation, left, tie_rule, outcome);
    ZonePairs paired = PairKinds(found.graph, found.circulation, left, outcome);
    if (PW_MUTANT(kPreferringOwnerTradesWithHimself, true, paired.self_pairs.empty())) {
      found.pairs = std::move(paired.pairs);
      break;
    }
    const size_t apart_before = apart.size();
    for (const Pair& pair : paired.self_pairs) {
      if (apart.size() < kOwnersApartMax) {
        apart.insert(left[pair.bid].owner());
      }
    }
    if (apart.size() == apart_before) {
      is_trimmed = true;
      for (const Pair& pair : paired.self_pairs) {
        left[pair.bid].energy -= pair.energy;
      }
    }
  }
  result.apart.assign(apart.begin(), apart.end());
  outcome.withdrawn.clear();
  for (size_t i = 0; is_trimmed && i < left.size(); ++i) {
    outcome.withdrawn.push_back(requests[i].entry.energy - left[i].energy);
  }
  return found;
}

void SetPrices(const Found& found, const Network& network, PreferenceOutcome& result) {
  const std::vector<int64_t> potentials = SupportingPotentials(found.graph, found.circulation);
  for (uint32_t zone = 0; zone < network.zones; ++zone) {
    const int64_t price = -potentials[zone];
    result.outcome.zones.push_back({price, price, price});
  }
  for (const uint32_t kind : found.graph.kind_of) {
    result.surcharges.push_back(potentials[kind]);
  }
  const std::vector<int64_t> flows = found.graph.LineFlows(found.circulation);
  for (size_t i = 0; i < network.edges.size(); ++i) {
    const Edge& edge = network.edges[i];
    const int64_t gain =
        result.outcome.zones[edge.to].price - result.outcome.zones[edge.from].price;
    result.outcome.flows.push_back(
        {flows[i], std::max<int64_t>((gain < 0 ? -gain : gain) - edge.fee, 0)});
  }
}

// Deals at the price of the offer's kind in its zone, and in that of the bid.
void SetDeals(std::span<const Request> requests, const std::vector<Pair>& pairs,
              PreferenceOutcome& result) {
  const auto price_in = [&](uint32_t zone, uint32_t offer) {
    return std::clamp(result.outcome.zones[zone].price + result.surcharges[offer], -kLimitMax,
                      kLimitMax);
  };
  for (const Pair& pair : pairs) {
    const int64_t price = price_in(requests[pair.offer].zone, pair.offer);
    result.deals.push_back({pair.bid, pair.offer, pair.energy, price,
                            price_in(requests[pair.bid].zone, pair.offer) - price});
  }
}

void Report(std::span<const Request> requests, std::span<const Preference> preferences,
            const Network& network, PreferenceOutcome& result) {
  absl::int128 welfare = 0;
  for (size_t i = 0; i < requests.size(); ++i) {
    const absl::int128 worth = absl::int128(requests[i].entry.limit) * result.outcome.fills[i].wh();
    welfare += IsBid(requests[i]) ? worth : -worth;
    if (!preferences[requests[i].preference].any_of.empty()) {
      result.requiring += requests[i].entry.energy;
      result.requiring_traded += result.outcome.fills[i];
    }
  }
  for (const Deal& deal : result.deals) {
    const Preference& wish = preferences[requests[deal.bid].preference];
    if (wish.premium > 0) {
      const bool is_met = MeetsPremium(wish, requests[deal.bid], requests[deal.offer]);
      const Energy met = is_met ? deal.energy : Energy();
      result.premium_traded += deal.energy;
      result.premium_met += met;
      welfare += absl::int128(PW_MUTANT(kPremiumIsNotPartOfWelfare, 0, wish.premium)) * met.wh();
    }
  }
  for (size_t i = 0; i < network.edges.size(); ++i) {
    const int64_t flow = result.outcome.flows[i].energy_wh;
    welfare -= absl::int128(network.edges[i].fee) * (flow < 0 ? -flow : flow);
  }
  result.outcome.welfare_milli_micros = welfare;
}

}  // namespace

bool Accepts(const Preference& preference, const Request& partner) {
  return preference.any_of.empty() ||
         std::any_of(preference.any_of.begin(), preference.any_of.end(),
                     [&](const Condition& condition) { return Holds(condition, partner); });
}

absl::StatusOr<PreferenceOutcome> ClearWithPreferences(std::span<const Request> requests,
                                                       std::span<const Preference> preferences,
                                                       const Network& network, TieRule tie_rule) {
  PW_RETURN_IF_ERROR(CheckRequests(requests, preferences, network));
  PreferenceOutcome result;
  const Found found = FindOutcome(requests, preferences, network, tie_rule, result);
  SetPrices(found, network, result);
  SetDeals(requests, found.pairs, result);
  Report(requests, preferences, network, result);
  return result;
}

}  // namespace peerwatt::market::clearing
