#pragma once

#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include "services/market/core/contracts/execution.h"
#include "services/market/core/contracts/pairs.h"
#include "services/market/core/gate_closure.h"

namespace peerwatt::market {

inline Price Micros(int64_t micros) { return Price::MicrosPerKwh(micros); }
inline Energy Wh(int64_t wh) { return Energy::WattHours(wh); }

/// Gate closure in a community of three connections: `b` draws up to 2,000 Wh per interval, `s`
/// and `t` feed in up to 1,000 Wh; the owner of a point is called as the point.
struct ContractFixture {
  ContractFixture() {
    auction.key = {CommunityId("c1"), start};
    auction.delivery_end = start + absl::Minutes(15);
    auction.gate_closure = start - absl::Hours(1);
    auction.network_fee = Micros(50'000);
    snapshot.rules.id = CommunityId("c1");
    snapshot.rules.interval = absl::Minutes(15);
    snapshot.rules.price_min = Micros(-100'000);
    snapshot.rules.price_max = Micros(400'000);
    AddMember("b", 8'000, 0);
    AddMember("s", 0, 4'000);
    AddMember("t", 0, 4'000);
    Forecast("s", 800);
    Forecast("t", 800);
  }

  Member& AddMember(const std::string& name, int64_t import_w, int64_t export_w) {
    Member member;
    member.metering_point = MeteringPointId(name);
    member.participant = ParticipantId(name);
    member.community = CommunityId("c1");
    member.grid_connection = GridConnectionId(name);
    member.approved = true;
    member.import_capacity_w = import_w;
    member.export_capacity_w = export_w;
    snapshot.members.push_back(member);
    return snapshot.members.back();
  }
  Member& MemberOf(const std::string& name) {
    for (Member& member : snapshot.members) {
      if (member.metering_point.value() == name) {
        return member;
      }
    }
    std::abort();
  }
  void Forecast(const std::string& name, int64_t exported) {
    forecasts[MeteringPointId(name)] = {Energy(), Wh(exported)};
  }

  /// An accepted contract of all times; older contracts have been added before.
  Contract& Add(const std::string& id, const std::string& buyer, const std::string& seller,
                int64_t wh, int64_t price) {
    Contract contract;
    contract.community = CommunityId("c1");
    contract.id = ContractId(id);
    contract.buyer = ParticipantId(buyer);
    contract.seller = ParticipantId(seller);
    contract.buyer_point = MeteringPointId(buyer);
    contract.seller_point = MeteringPointId(seller);
    contract.proposer = contract.buyer;
    ContractVersion offer;
    offer.proposer = contract.buyer;
    offer.state = VersionState::kAccepted;
    offer.decide_time =
        start - absl::Hours(100) + absl::Minutes(static_cast<int64_t>(contracts.size()));
    offer.terms.valid_from = start - absl::Hours(50);
    offer.terms.end = start + absl::Hours(50);
    offer.terms.profile.time_zone = "UTC";
    ContractWindow window;
    window.weekdays = 0x7f;
    window.energy = Wh(wh);
    offer.terms.profile.windows = {window};
    offer.terms.price.fixed = Micros(price);
    contract.versions = {offer};
    contracts.push_back(contract);
    return contracts.back();
  }

  ContractOrders Execute() {
    closing.contracts = contracts;
    return ExecuteContracts(contracts, {auction, network, snapshot, forecasts, closing});
  }
  /// What was said about the contracts, such as `k1 500 ` or `k2 0 FORECAST_MISSING`.
  std::vector<std::string> Told() {
    std::vector<std::string> told;
    for (const ContractExecution& e : Execute().executions) {
      told.push_back(e.contract.value() + " " + std::to_string(e.energy.wh()) + " " +
                     e.skip_reason);
    }
    return told;
  }

  const absl::Time start = absl::FromUnixSeconds(1'800'000'000);
  Auction auction;
  NetworkVersion network;
  CommunitySnapshot snapshot;
  ForecastsByPoint forecasts;
  Closing closing;
  std::vector<Contract> contracts;
};

/// An order by hand.
inline Order HandOrder(const std::string& id, const std::string& owner, Side side, int64_t wh,
                       int64_t limit, const std::string& zone = "") {
  Order order;
  order.id = OrderId(id);
  order.participant = ParticipantId(owner);
  order.metering_point = MeteringPointId(owner);
  order.side = side;
  order.energy = Wh(wh);
  order.limit = Micros(limit);
  order.zone = ZoneId(zone);
  order.state = OrderState::kActive;
  return order;
}

/// Two zones, `north` and `south`, a line between them.
inline NetworkVersion TwoZones(int32_t fee, std::optional<Energy> capacity) {
  NetworkVersion network;
  network.id = NetworkId("n1");
  network.zones = {ZoneId("north"), ZoneId("south")};
  network.lines.zones = 2;
  network.lines.edges = {{0, 1, fee, capacity, capacity}};
  return network;
}

}  // namespace peerwatt::market
