#include "services/market/core/forecast.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "services/market/core/order_rules.h"

namespace peerwatt::market {
namespace {

Order NewOrder(const Auction& auction, const Candidate& candidate, Side side, Energy energy,
               Price limit) {
  Order order;
  order.auction = auction.key;
  order.id = StandingOrderOrderId(candidate.member.metering_point);
  order.side = side;
  order.metering_point = candidate.member.metering_point;
  order.grid_connection = candidate.member.grid_connection;
  order.participant = candidate.standing_order.participant;
  order.zone = candidate.member.zone;
  order.source = side == Side::kOffer ? candidate.member.source : EnergySource::kUnknown;
  order.energy = energy;
  order.limit = limit;
  order.state = OrderState::kPending;
  order.standing_order = candidate.standing_order.id;
  order.create_time = auction.gate_closure;
  order.hold = HoldFor(order, auction.network_fee);
  return order;
}

}  // namespace

OrderId StandingOrderOrderId(const MeteringPointId& metering_point) {
  constexpr size_t kIdSizeMax = 63;
  constexpr size_t kHashDigits = 16;
  const std::string id = absl::StrCat(kStandingOrderPrefix, metering_point.value());
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

std::vector<Order> PlaceStandingOrders(const Auction& auction,
                                       const std::vector<Candidate>& candidates,
                                       const CommunitySnapshot& snapshot,
                                       const ForecastsByPoint& forecasts,
                                       const OfferedByConnection& offered,
                                       const ContractedByConnection& contracted) {
  std::vector<Order> orders;
  NetByConnection nets = NetForecasts(candidates, snapshot, forecasts);
  const absl::flat_hash_map<GridConnectionId, ConnectionLimits> all_limits = LimitsOfAll(snapshot);
  for (const Candidate& candidate : candidates) {
    const GridConnectionId& connection = candidate.member.grid_connection;
    std::optional<Energy>& net = nets.at(connection);
    const auto contracts = contracted.find(connection);
    const Contracted by_contract = contracts == contracted.end() ? Contracted() : contracts->second;
    if (net.has_value()) {
      *net += by_contract.bought - by_contract.sold;
    }
    if (!net.has_value() || *net == Energy()) {
      continue;
    }
    const ConnectionLimits& limits = all_limits.at(connection);
    const bool surplus = *net > Energy();
    const std::optional<Price>& limit =
        surplus ? candidate.standing_order.offer_price : candidate.standing_order.bid_price;
    const auto already = offered.find(connection);
    const Energy taken = already == offered.end() ? Energy() : already->second;
    const Energy free = limits.feed_in_max - taken;
    const Energy most = surplus ? free : limits.draw_max - by_contract.bought;
    const Energy energy = std::min({surplus ? *net : -*net, most, kEnergyMax});
    if (limit.has_value() && energy > Energy()) {
      orders.push_back(
          NewOrder(auction, candidate, surplus ? Side::kOffer : Side::kBid, energy, *limit));
    }
  }
  return orders;
}

}  // namespace peerwatt::market
