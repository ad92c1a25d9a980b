#include "services/market/core/clearing/preference_graph.h"

#include <algorithm>
#include <deque>
#include <limits>
#include <map>
#include <numeric>
#include <tuple>
#include <utility>

#include "services/market/core/clearing/circles.h"
#include "services/market/core/clearing/mutant.h"
#include "services/market/core/clearing/preferences.h"

namespace peerwatt::market::clearing {
namespace {

constexpr uint32_t kAny = std::numeric_limits<uint32_t>::max();

bool IsBid(const Request& request) { return request.entry.way() == Way::kBuy; }

// Zones joined by lines have the same number.
std::vector<uint32_t> ComponentsOf(const Network& network) {
  std::vector<uint32_t> component(network.zones);
  std::iota(component.begin(), component.end(), 0);
  const auto root = [&](uint32_t zone) {
    while (component[zone] != zone) {
      zone = component[zone] = component[component[zone]];
    }
    return zone;
  };
  for (const Edge& edge : network.edges) {
    const uint32_t a = root(edge.from);
    const uint32_t b = root(edge.to);
    component[std::max(a, b)] = std::min(a, b);
  }
  for (uint32_t zone = 0; zone < network.zones; ++zone) {
    component[zone] = root(zone);
  }
  return component;
}

class Builder {
 public:
  Builder(std::span<const Request> requests, std::span<const Entry> book,
          std::span<const Preference> preferences, const Network& network,
          const std::set<uint32_t>& apart)
      : requests_(requests),
        book_(book),
        preferences_(preferences),
        network_(network),
        apart_(apart),
        components_(ComponentsOf(network)) {}

  PreferenceGraph Build() {
    graph_.zones = graph_.nodes = network_.zones;
    // An augmenting path passes each zone once, by two arcs of orders at most.
    graph_.scale = 2 * int64_t{network_.zones} + 2;
    NoteWhatMatters();
    AddLines();
    AddOrders();
    graph_.first_kind_arc = graph_.arcs.size();
    for (const Kind& offers : offers_) {
      if (apart_.contains(offers.owner)) {
        JoinApart(offers);
      } else {
        Join(offers);
      }
    }
    for (const Kind& bids : bids_) {
      bids_by_preference_[{bids.component, bids.preference}].push_back(&bids);
    }
    for (const auto& [between, node] : between_) {
      JoinToBids(between, node);
    }
    return std::move(graph_);
  }

 private:
  struct Kind {
    uint32_t node = 0;
    uint32_t first = 0;  // One of its orders.
    uint32_t component = 0;
    uint32_t zone = kAny;
    uint32_t owner = kAny;  // When he is kept apart.
    uint32_t preference = 0;
  };
  // What is sold under one preference to bids with another, of any zone or within one.
  struct Between {
    uint32_t component = 0;
    uint32_t offers_preference = 0;
    uint32_t bids_preference = 0;
    uint32_t zone = kAny;
    auto operator<=>(const Between&) const = default;
  };

  void NoteWhatMatters() {
    for (const Preference& preference : preferences_) {
      types_matter_ = types_matter_ || preference.premium_types != 0;
      bool& names_somebody = names_somebody_.emplace_back(false);
      for (const Condition& condition : preference.any_of) {
        names_somebody = names_somebody || !condition.zones.empty() ||
                         !condition.partners.empty() || !condition.excluded.empty();
        types_matter_ = types_matter_ || condition.types != ~uint32_t{0};
        zones_that_matter_.insert(condition.zones.begin(), condition.zones.end());
        accounts_that_matter_.insert(condition.partners.begin(), condition.partners.end());
        accounts_that_matter_.insert(condition.excluded.begin(), condition.excluded.end());
      }
    }
    for (const Request& request : requests_) {
      if (IsBid(request) && preferences_[request.preference].premium_local) {
        zones_that_matter_.insert(request.zone);
      }
    }
    if (PW_MUTANT(kNamedZonesDoNotMatter, true, false)) {
      zones_that_matter_.clear();
    }
  }

  void AddLines() {
    // No more than is sold need ever be moved: so sums of flows stay small.
    int64_t most = 1;
    for (const Entry& entry : book_) {
      most += entry.way() == Way::kSell ? entry.energy.wh() : 0;
    }
    graph_.line_room_max_wh = most;
    for (const Edge& edge : network_.edges) {
      const int64_t fee = PW_MUTANT(kPreferringOrdersPayNoFees, 0, edge.fee) * graph_.scale;
      const auto room = [&](const std::optional<Energy>& capacity) {
        return PW_MUTANT(kPreferringOrdersOverloadLines, most,
                         std::min(most, capacity.value_or(kEnergyUnlimited).wh()));
      };
      graph_.arcs.push_back({edge.to, edge.from, {{fee, room(edge.capacity)}}});
      graph_.arcs.push_back({edge.from, edge.to, {{fee, room(edge.capacity_back)}}});
    }
    graph_.first_order_arc = graph_.arcs.size();
  }

  void AddOrders() {
    std::map<std::tuple<Way, uint32_t, uint32_t, uint8_t, uint32_t, uint32_t, uint32_t>, uint32_t>
        kinds;
    std::map<std::pair<uint32_t, uint32_t>, size_t> arcs;  // By kind and zone.
    graph_.kind_of.reserve(requests_.size());
    for (uint32_t i = 0; i < requests_.size(); ++i) {
      const Request& request = requests_[i];
      const bool is_bid = IsBid(request);
      const Kind kind = {graph_.nodes,
                         i,
                         components_[request.zone],
                         zones_that_matter_.contains(request.zone) ? request.zone : kAny,
                         apart_.contains(request.entry.owner()) ? request.entry.owner() : kAny,
                         request.preference};
      const bool is_named = PW_MUTANT(kNamedAccountsShareAKind, false,
                                      accounts_that_matter_.contains(request.account));
      const uint8_t type = types_matter_ && !is_bid ? request.type : uint8_t{0};
      const auto [at, is_new] =
          kinds.try_emplace({request.entry.way(), kind.component, kind.zone, type, kind.owner,
                             is_named ? request.account : kAny, kind.preference},
                            graph_.nodes);
      if (is_new) {
        ++graph_.nodes;
        (is_bid ? bids_ : offers_).push_back(kind);
      }
      graph_.kind_of.push_back(at->second);
      const auto [arc, is_first] =
          arcs.try_emplace({at->second, request.zone}, graph_.ranked.size());
      if (is_first) {
        graph_.ranked.emplace_back();
        const uint32_t tail = is_bid ? at->second : request.zone;
        graph_.arcs.push_back({tail, is_bid ? request.zone : at->second, {}});
      }
      const int64_t cost = is_bid ? -int64_t{request.entry.limit} : request.entry.limit;
      graph_.ranked[arc->second].push_back(
          static_cast<uint64_t>(cost + kPriceMax.micros_per_kwh()) << 32 | i);
    }
    for (size_t i = 0; i < graph_.ranked.size(); ++i) {
      AddPieces(graph_.ranked[i], graph_.arcs[graph_.first_order_arc + i].pieces);
    }
  }

  // Orders of equal limits are one piece. An arc has one at least, if of no energy.
  void AddPieces(std::vector<uint64_t>& ranked, std::vector<Jump>& pieces) const {
    std::sort(ranked.begin(), ranked.end());
    for (const uint64_t order : ranked) {
      const int64_t cost =
          (static_cast<int64_t>(order >> 32) - kPriceMax.micros_per_kwh()) * graph_.scale -
          PW_MUTANT(kEqualPreferringLimitsDoNotTrade, -1, 1);
      if (pieces.empty() || pieces.back().key != cost) {
        pieces.push_back({cost, 0});
      }
      pieces.back().energy_wh += book_[static_cast<uint32_t>(order)].energy.wh();
    }
  }

  void AddArc(uint32_t tail, uint32_t head, int64_t premium) {
    const int64_t counted = PW_MUTANT(kPremiumsDoNotCount, 0, premium);
    graph_.arcs.push_back({tail, head, {{-counted * graph_.scale, kUnlimitedWh}}});
  }

  // Different preferences of bids, by component, with zones of local ones.
  const std::set<Between>& Wanted() {
    if (wanted_.empty()) {
      for (const Kind& bids : bids_) {
        wanted_.insert({bids.component, 0, bids.preference, kAny});
        if (preferences_[bids.preference].premium_local) {
          wanted_.insert({bids.component, 0, bids.preference, bids.zone});
        }
      }
    }
    return wanted_;
  }

  // Bids that name no zones and no partners are joined to all offers of a type at once.
  void Join(const Kind& offers) {
    const Request& offer = requests_[offers.first];
    const std::set<Between>& wanted = Wanted();
    const auto [of_type, is_new_type] = of_type_.try_emplace(
        {offers.component, offers.preference, types_matter_ ? offer.type : uint8_t{0}},
        graph_.nodes);
    graph_.nodes += is_new_type ? 1 : 0;
    AddArc(offers.node, of_type->second, 0);
    for (auto at = wanted.lower_bound({offers.component, 0, 0, 0});
         at != wanted.end() && at->component == offers.component; ++at) {
      const Preference& wish = preferences_[at->bids_preference];
      const bool is_local = at->zone != kAny;
      if ((is_local && at->zone != offers.zone) ||
          PW_MUTANT(kBidsRequireNothing, false, !Accepts(wish, offer))) {
        continue;
      }
      Between between = *at;
      between.offers_preference = offers.preference;
      const auto [node, is_new] = between_.try_emplace(between, graph_.nodes);
      graph_.nodes += is_new ? 1 : 0;
      // As if the bid was in the offer's zone; of other zones a local wish is not met.
      const bool is_met = PW_MUTANT(kLocalIsEverywhere, true, is_local || !wish.premium_local) &&
                          (wish.premium_types == 0 || (wish.premium_types >> offer.type & 1) != 0);
      const int64_t premium = is_met ? wish.premium : 0;
      if (is_local || names_somebody_[at->bids_preference]) {
        AddArc(offers.node, node->second, premium);
      } else if (is_new_type) {
        AddArc(of_type->second, node->second, premium);
      }
    }
  }

  void JoinToBids(const Between& between, uint32_t node) {
    const Preference& terms = preferences_[between.offers_preference];
    for (const Kind* bids : bids_by_preference_[{between.component, between.bids_preference}]) {
      if ((between.zone == kAny || between.zone == bids->zone) &&
          PW_MUTANT(kOffersRequireNothing, true, Accepts(terms, requests_[bids->first]))) {
        AddArc(node, bids->node, 0);
      }
    }
  }

  void JoinApart(const Kind& offers) {
    const Request& offer = requests_[offers.first];
    for (const Kind& bids : bids_) {
      const Request& bid = requests_[bids.first];
      const Preference& wish = preferences_[bids.preference];
      if (bids.component == offers.component && bids.owner != offers.owner &&
          Accepts(wish, offer) && Accepts(preferences_[offers.preference], bid)) {
        AddArc(offers.node, bids.node, MeetsPremium(wish, bid, offer) ? wish.premium : 0);
      }
    }
  }

  static constexpr Energy kEnergyUnlimited = Energy::WattHours(kUnlimitedWh);

  std::span<const Request> requests_;
  std::span<const Entry> book_;
  std::span<const Preference> preferences_;
  const Network& network_;
  const std::set<uint32_t>& apart_;
  const std::vector<uint32_t> components_;
  std::set<uint32_t> accounts_that_matter_;
  std::set<uint32_t> zones_that_matter_;
  bool types_matter_ = false;
  std::deque<bool> names_somebody_;  // By preference.
  std::vector<Kind> offers_;
  std::vector<Kind> bids_;
  std::map<std::pair<uint32_t, uint32_t>, std::vector<const Kind*>> bids_by_preference_;
  std::set<Between> wanted_;
  std::map<Between, uint32_t> between_;
  // Where offers of a type, under one preference, come together.
  std::map<std::tuple<uint32_t, uint32_t, uint8_t>, uint32_t> of_type_;
  PreferenceGraph graph_;
};

}  // namespace

std::vector<int64_t> PreferenceGraph::LineFlows(const Circulation& circulation) const {
  std::vector<Ends> ends;
  std::vector<int64_t> flows;
  for (size_t i = 0; i < first_order_arc; i += 2) {
    ends.push_back({arcs[i].head, arcs[i].tail});
    flows.push_back(circulation.flows_wh[i] - circulation.flows_wh[i + 1]);
  }
  CancelCircles(zones, ends, flows);
  return flows;
}

bool MeetsPremium(const Preference& preference, const Request& bid, const Request& offer) {
  const bool is_type =
      preference.premium_types == 0 || (preference.premium_types >> offer.type & 1) != 0;
  return preference.premium > 0 && is_type && (!preference.premium_local || bid.zone == offer.zone);
}

PreferenceGraph BuildPreferenceGraph(std::span<const Request> requests, std::span<const Entry> book,
                                     std::span<const Preference> preferences,
                                     const Network& network, const std::set<uint32_t>& apart) {
  return Builder(requests, book, preferences, network, apart).Build();
}

}  // namespace peerwatt::market::clearing
