#include "services/market/core/forecast.h"

#include <algorithm>
#include <set>
#include <string>
#include <tuple>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "libs/base/check.h"
#include "services/market/core/controls.h"
#include "services/market/core/order_rules.h"
#include "services/market/core/preference.h"

namespace peerwatt::market {
namespace {

Order NewOrder(const Auction& auction, const Candidate& candidate, Side side,
               const PlacementStep& step) {
  const AutopilotTerms& terms = candidate.standing_order.terms;
  Order order;
  order.auction = auction.key;
  order.id = StandingOrderOrderId(candidate.member.metering_point, step.ramp_step);
  order.side = side;
  order.metering_point = candidate.member.metering_point;
  order.grid_connection = candidate.member.grid_connection;
  order.participant = candidate.standing_order.participant;
  order.zone = candidate.member.zone;
  order.source = side == Side::kOffer ? candidate.member.source : EnergySource::kUnknown;
  order.state = OrderState::kPending;
  order.standing_order = candidate.standing_order.id;
  order.create_time = step.time;
  order.premium = side == Side::kBid ? terms.premium : Price();
  order.preference = side == Side::kBid ? terms.bid_preference : terms.offer_preference;
  return order;
}

// Before gate closure only a side with a ramp is quoted.
bool IsDue(const Candidate& candidate, Side side, const PlacementStep& step) {
  const AutopilotTerms& terms = candidate.standing_order.terms;
  const bool has_ramp = side == Side::kBid ? terms.bid_start_price.has_value()
                                           : terms.offer_start_price.has_value();
  return step.ramp_step == kRampSteps || has_ramp;
}

bool Prefers(const AutopilotTerms& terms) {
  return terms.premium != Price() || !terms.bid_preference.empty() ||
         !terms.offer_preference.empty();
}

// Leaves out orders whose preferences are more than the auction can be cleared with in little time,
// beside those that orders placed by hand have. Who comes first by participant goes first.
void KeepToLoad(PreferenceLoad load, const PlacementStep& step, std::vector<Order>& orders) {
  std::vector<const Order*> prefer;
  for (const Order& order : orders) {
    if (order.premium != Price() || !order.preference.empty()) prefer.push_back(&order);
  }
  std::sort(prefer.begin(), prefer.end(), [](const Order* a, const Order* b) {
    return std::tie(a->participant, a->id) < std::tie(b->participant, b->id);
  });
  std::set<std::tuple<Side, Price, std::string>> counted;
  std::set<OrderId> left_out;
  for (const Order* order : prefer) {
    const auto preference = std::tuple(order->side, order->premium, order->preference);
    if (counted.contains(preference)) continue;
    const absl::StatusOr<OrderPreference> names = ParsePreference(order->preference);
    const PreferenceLoad with = Added(load, order->side, names.ok() ? NamesIn(*names) : 0);
    if (!Fits(with, step.network->zones.size())) {
      left_out.insert(order->id);
      continue;
    }
    load = with;
    counted.insert(preference);
  }
  std::erase_if(orders, [&](const Order& order) { return left_out.contains(order.id); });
}

// Whether clearing can honour what its orders of this side prefer.
bool IsClear(const Auction& auction, const Candidate& candidate, Side side,
             const PlacementStep& step) {
  const StandingOrder& standing = candidate.standing_order;
  const std::optional<Price>& price = side == Side::kBid ? standing.bid_price
                                                         : standing.offer_price;
  if (!price.has_value() || !Prefers(standing.terms)) {
    return true;
  }
  PW_CHECK(step.network != nullptr, "preferences need the network");
  Order order = NewOrder(auction, candidate, side, step);
  order.limit = *price;
  return CheckPreference(order, *step.network).ok();
}

}  // namespace

absl::TimeZone ZoneOfCommunity(const CommunityRules& rules) {
  const absl::StatusOr<absl::TimeZone> zone = ZoneOf(rules.time_zone);
  PW_CHECK(zone.ok(), "rules with an unknown time zone are refused");
  return *zone;
}

SizingFacts FactsOf(const Auction& auction, const Candidate& candidate,
                    const std::optional<Energy>& net, const ConnectionLimits& connection,
                    const Closing& closing, const PlacementStep& step) {
  const GridConnectionId& id = candidate.member.grid_connection;
  const StandingOrder& standing = candidate.standing_order;
  SizingFacts facts;
  facts.delivery_start = auction.key.delivery_start;
  facts.net = net;
  if (const auto committed = closing.committed.find(id); committed != closing.committed.end()) {
    facts.committed = committed->second;
  }
  facts.draw_max = connection.draw_max;
  facts.feed_in_max = connection.feed_in_max;
  if (const auto offered = closing.offered.find(id); offered != closing.offered.end()) {
    facts.offered = offered->second;
  }
  facts.network_fee = auction.network_fee;
  facts.price_min = closing.limits.price_min;
  facts.price_max = closing.limits.price_max;
  facts.energy_min = closing.limits.energy_min;
  facts.energy_max = closing.limits.energy_max;
  if (standing.terms.daily_cost_max.has_value()) {
    const auto cost = closing.costs.find({standing.participant, standing.id});
    facts.cost_left =
        *standing.terms.daily_cost_max - (cost == closing.costs.end() ? Money() : cost->second);
  }
  facts.bid_preference_is_clear = IsClear(auction, candidate, Side::kBid, step);
  facts.offer_preference_is_clear = IsClear(auction, candidate, Side::kOffer, step);
  facts.ramp_step = step.ramp_step;
  return facts;
}

OrderId StandingOrderOrderId(const MeteringPointId& metering_point, int32_t ramp_step) {
  constexpr size_t kIdSizeMax = 63;
  constexpr size_t kHashDigits = 16;
  const std::string step = ramp_step == kRampSteps ? "" : absl::StrCat(ramp_step, "-");
  const std::string id = absl::StrCat(kStandingOrderPrefix, step, metering_point.value());
  if (id.size() <= kIdSizeMax) {
    return OrderId(id);
  }
  uint64_t hash = 0xcbf29ce484222325;  // FNV-1a
  for (const char c : id) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  }
  return OrderId(absl::StrCat(id.substr(0, kIdSizeMax - kHashDigits - 1), "-",
                              absl::Hex(hash, absl::kZeroPad16)));
}

std::vector<Candidate> Candidates(const std::vector<StandingOrder>& standing_orders,
                                  const CommunitySnapshot& snapshot) {
  absl::flat_hash_map<MeteringPointId, const Member*> members;
  for (const Member& member : snapshot.members) {
    members.emplace(member.metering_point, &member);
  }
  std::vector<Candidate> candidates;
  std::set<GridConnectionId> taken;
  for (const StandingOrder& standing_order : standing_orders) {
    const auto found = members.find(standing_order.metering_point);
    if (found == members.end() || found->second->participant != standing_order.participant ||
        !found->second->approved || !taken.insert(found->second->grid_connection).second) {
      continue;
    }
    candidates.push_back({standing_order, *found->second});
  }
  return candidates;
}

std::vector<MeteringPointId> PointsToForecast(const std::vector<Candidate>& candidates,
                                              const CommunitySnapshot& snapshot) {
  std::set<GridConnectionId> connections;
  for (const Candidate& candidate : candidates) {
    connections.insert(candidate.member.grid_connection);
  }
  std::vector<MeteringPointId> points;
  for (const Member& member : snapshot.members) {
    if (connections.contains(member.grid_connection)) {
      points.push_back(member.metering_point);
    }
  }
  return points;
}

absl::Time DataEndOf(const Auction& auction) {
  return auction.gate_closure - (auction.delivery_end - auction.key.delivery_start);
}

NetByConnection NetForecasts(const std::vector<Candidate>& candidates,
                             const CommunitySnapshot& snapshot, const ForecastsByPoint& forecasts) {
  NetByConnection nets;
  for (const Candidate& candidate : candidates) {
    nets[candidate.member.grid_connection] = Energy();
  }
  for (const Member& member : snapshot.members) {
    const auto net = nets.find(member.grid_connection);
    if (net == nets.end() || !net->second.has_value()) {
      continue;
    }
    const auto forecast = forecasts.find(member.metering_point);
    if (forecast == forecasts.end()) {
      net->second.reset();
    } else {
      *net->second += forecast->second.exported - forecast->second.imported;
    }
  }
  return nets;
}

bool AnyPrefers(const std::vector<Candidate>& candidates) {
  return std::any_of(candidates.begin(), candidates.end(), [](const Candidate& candidate) {
    return Prefers(candidate.standing_order.terms);
  });
}

DayBudgets BudgetsOf(const std::vector<Candidate>& candidates, const CommunitySnapshot& snapshot,
                     absl::Time delivery_start) {
  DayBudgets budgets;
  for (const Candidate& candidate : candidates) {
    if (candidate.standing_order.terms.daily_cost_max.has_value()) {
      budgets.bounded.emplace_back(candidate.standing_order.participant,
                                   candidate.standing_order.id);
    }
  }
  const absl::TimeZone zone = ZoneOfCommunity(snapshot.rules);
  budgets.day = DaySpanOf(LocalDayOf(delivery_start, zone), zone);
  return budgets;
}

std::vector<Order> PlaceStandingOrders(const Auction& auction,
                                       const std::vector<Candidate>& candidates,
                                       const CommunitySnapshot& snapshot,
                                       const ForecastsByPoint& forecasts, const Closing& closing,
                                       const PlacementStep& step) {
  std::vector<Order> orders;
  NetByConnection nets = NetForecasts(candidates, snapshot, forecasts);
  const absl::flat_hash_map<GridConnectionId, ConnectionLimits> all_limits = LimitsOfAll(snapshot);
  const absl::TimeZone zone = ZoneOfCommunity(snapshot.rules);
  for (const Candidate& candidate : candidates) {
    const GridConnectionId& connection = candidate.member.grid_connection;
    const auto contracts = closing.contracted.find(connection);
    const Contracted by_contract =
        contracts == closing.contracted.end() ? Contracted() : contracts->second;
    std::optional<Energy> net = nets.at(connection);
    if (net.has_value()) {
      *net += by_contract.bought - by_contract.sold;
    }
    ConnectionLimits limits = all_limits.at(connection);
    limits.draw_max -= by_contract.bought;
    const absl::StatusOr<AutopilotCalendar> calendar =
        ParseCalendar(candidate.standing_order.terms.calendar);
    if (!calendar.ok()) {
      continue;  // Its time zone is gone: better no order than one at another time.
    }
    const Sizing sizing =
        SizeOrder(candidate.standing_order, *calendar, zone,
                  FactsOf(auction, candidate, net, limits, closing, step));
    if (sizing.reason == SizingReason::kOrders && IsDue(candidate, sizing.side, step)) {
      Order order = NewOrder(auction, candidate, sizing.side, step);
      order.energy = sizing.energy;
      order.limit = sizing.limit;
      order.hold = sizing.worst_cost;
      orders.push_back(std::move(order));
    }
  }
  KeepToLoad(closing.load, step, orders);
  return orders;
}

}  // namespace peerwatt::market
