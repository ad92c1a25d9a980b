#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "tests/postgres/registry/service_fixture.h"

namespace peerwatt::registry {
namespace {

using ::testing::ElementsAre;

class NetworksTest : public RegistryFixture {
 protected:
  NetworksTest() { FillHamlet(); }

  static Network NetworkOf(const std::string& id, absl::Time starts_at,
                           std::vector<std::string> zones) {
    Network network;
    network.community = CommunityId("hamlet");
    network.id = NetworkId(id);
    network.starts_at = starts_at;
    network.zones = std::move(zones);
    network.created_at = kNow;
    return network;
  }
  std::string Reason(const Network& network) {
    return ReasonOf(networks_.Create(network, kActor).status());
  }
  std::vector<std::string> InForce(absl::Time start, absl::Time end) {
    const auto networks = networks_.ListInForce(CommunityId("hamlet"), {start, end});
    std::vector<std::string> ids;
    for (const Network& network : *networks) {
      ids.push_back(network.id.value());
    }
    return ids;
  }
};

TEST_F(NetworksTest, AVersionIsKeptAsItWas) {
  Network network = NetworkOf("n1", kNow, {"south", "north"});
  network.lines = {{"south", "north", Price::MicrosPerKwh(20'000), 4'000, std::nullopt},
                   {"north", "south", Price(), 0, 8}};
  network.tie_rule = TieRule::kProRata;
  network.self_trade_mode = SelfTradeMode::kWithdrawOffers;
  ASSERT_TRUE(networks_.Create(network, kActor).ok());
  const auto stored = networks_.Get(CommunityId("hamlet"), NetworkId("n1"));
  ASSERT_TRUE(stored.ok()) << stored.status();
  EXPECT_TRUE(SameContent(*stored, network));
  EXPECT_EQ(stored->created_at, kNow);
  // Once, with who made it; a retry finds it, other content is refused.
  EXPECT_TRUE(networks_.Create(network, kActor).ok());
  EXPECT_THAT(AuditOf("communities/hamlet/networks/n1"),
              ElementsAre("NETWORK_CREATED users/admin"));
  network.lines[0].fee = Price();
  EXPECT_EQ(Reason(network), "CONTENT_DIFFERS");
  EXPECT_EQ(Reason(NetworkOf("n2", kNow, {"south"})), "NETWORK_START_TAKEN");
  EXPECT_EQ(ReasonOf(networks_.Get(CommunityId("hamlet"), NetworkId("n9")).status()), "NOT_FOUND");
}

TEST_F(NetworksTest, TheVersionWithTheLatestStartIsInForce) {
  for (int hour : {0, 2, 4}) {
    ASSERT_EQ(Reason(NetworkOf("n" + std::to_string(hour), kNow + absl::Hours(hour), {"all"})), "");
  }
  EXPECT_THAT(InForce(kNow - absl::Hours(2), kNow), ElementsAre());
  EXPECT_THAT(InForce(kNow - absl::Hours(2), kNow + absl::Hours(1)), ElementsAre("n0"));
  EXPECT_THAT(InForce(kNow + absl::Hours(1), kNow + absl::Hours(2)), ElementsAre("n0"));
  EXPECT_THAT(InForce(kNow + absl::Hours(1), kNow + absl::Hours(3)), ElementsAre("n0", "n2"));
  EXPECT_THAT(InForce(kNow + absl::Hours(9), kNow + absl::Hours(10)), ElementsAre("n4"));
  const auto newest = networks_.List(CommunityId("hamlet"), kNow + absl::Hours(4), 5).value();
  ASSERT_EQ(newest.size(), 2u);
  EXPECT_EQ(newest[0].id.value(), "n2");
}

TEST_F(NetworksTest, PointsLieInZonesThatAreThere) {
  const MeteringPointId point("m1");
  const auto assign = [&](const std::string& zone) {
    return ReasonOf(metering_points_.AssignZone(point, zone, kActor).status());
  };
  EXPECT_EQ(assign("south"), "ZONE_UNKNOWN") << "there is no network yet";
  ASSERT_EQ(Reason(NetworkOf("old", kNow - absl::Hours(2), {"mill"})), "");
  ASSERT_EQ(Reason(NetworkOf("now", kNow - absl::Hours(1), {"all"})), "");
  ASSERT_EQ(Reason(NetworkOf("soon", kNow + absl::Hours(1), {"all", "south"})), "");
  EXPECT_EQ(assign("mill"), "ZONE_UNKNOWN") << "only in a version that is over";
  EXPECT_EQ(assign("south"), "");
  EXPECT_EQ(assign("south"), "");
  EXPECT_THAT(AuditOf("meteringPoints/m1"), ElementsAre("ZONE_ASSIGNED users/admin"));
  EXPECT_EQ(metering_points_.Get(point)->zone, "south");
  EXPECT_EQ(metering_points_.BatchGetMembers({point})->at(0).zone, "south");
  EXPECT_EQ(Reason(NetworkOf("later", kNow + absl::Hours(2), {"all"})), "ZONE_IN_USE");
  EXPECT_EQ(assign(""), "");
  EXPECT_EQ(Reason(NetworkOf("later", kNow + absl::Hours(2), {"all"})), "");
  EXPECT_EQ(ReasonOf(metering_points_.AssignZone(MeteringPointId("m9"), "", kActor).status()),
            "NOT_FOUND");
}

TEST_F(NetworksTest, ANewPointHasZoneAndSource) {
  ASSERT_EQ(Reason(NetworkOf("n1", kNow, {"south"})), "");
  MeteringPoint point = PointOf("roof", "p1", "c1");
  point.zone = "north";
  EXPECT_EQ(ReasonOf(metering_points_.Create(point).status()), "ZONE_UNKNOWN");
  point.zone = "south";
  point.energy_source = EnergySource::kSolar;
  ASSERT_TRUE(metering_points_.Create(point).ok());
  const auto members = communities_.Snapshot(CommunityId("hamlet"), kNow)->members;
  ASSERT_EQ(members.size(), 3u);
  EXPECT_EQ(members[2].zone, "south");
  EXPECT_EQ(members[2].energy_source, "SOLAR");
  EXPECT_EQ(members[0].energy_source, "UNKNOWN");
  point.energy_source = EnergySource::kWind;
  EXPECT_EQ(ReasonOf(metering_points_.Create(point).status()), "CONTENT_DIFFERS");
}

TEST_F(ServiceTest, OperatorsSetTheNetworkAndMovePoints) {
  FillHamlet();
  const auto op = Operator();
  const auto one = Household("1");
  v1::CreateNetworkRequest create;
  create.set_parent("communities/hamlet");
  create.set_network_id("n1");
  v1::Network& network = *create.mutable_network();
  *network.mutable_start_time() = rpc::ToProto(kNow);
  network.add_zones("south");
  network.add_zones("north");
  v1::Network::Line& line = *network.add_lines();
  line.set_from_zone("south");
  line.set_to_zone("north");
  *line.mutable_fee_per_kwh() = rpc::ToProto(Price::MicrosPerKwh(20'000), "EUR");
  line.set_capacity_w(4'000);
  v1::Network answer;
  EXPECT_EQ(Call(&one, &Stub::CreateNetwork, create, &answer), "PERMISSION_DENIED");
  ASSERT_EQ(Call(&op, &Stub::CreateNetwork, create, &answer), "OK");
  EXPECT_EQ(answer.name(), "communities/hamlet/networks/n1");
  EXPECT_EQ(answer.tie_rule(), v1::Network::TIME);
  EXPECT_EQ(answer.self_trade_mode(), v1::Network::KEEP_GREATER_WELFARE);
  EXPECT_EQ(answer.lines(0).fee_per_kwh().nanos(), 20'000'000);
  EXPECT_EQ(answer.lines(0).capacity_w(), 4'000);
  EXPECT_FALSE(answer.lines(0).has_reverse_capacity_w());
  line.set_capacity_w(4'001);
  create.set_network_id("n2");
  EXPECT_EQ(Call(&op, &Stub::CreateNetwork, create, &answer), "FIELD_INVALID");
  create.set_parent("communities/nowhere");
  EXPECT_EQ(Call(&op, &Stub::CreateNetwork, create, &answer), "NOT_FOUND");

  v1::GetNetworkRequest get;
  get.set_name("communities/hamlet/networks/n1");
  ASSERT_EQ(Call(&one, &Stub::GetNetwork, get, &answer), "OK");
  EXPECT_EQ(answer.zones_size(), 2);
  get.set_name("communities/hamlet/networks/n9");
  EXPECT_EQ(Call(&one, &Stub::GetNetwork, get, &answer), "NOT_FOUND");
  v1::ListNetworksRequest list;
  list.set_parent("communities/hamlet");
  v1::ListNetworksResponse networks;
  ASSERT_EQ(Call(&one, &Stub::ListNetworks, list, &networks), "OK");
  EXPECT_EQ(networks.networks_size(), 1);

  v1::AssignMeteringPointZoneRequest assign;
  assign.set_name("meteringPoints/m1");
  assign.set_zone("north");
  v1::MeteringPoint point;
  EXPECT_EQ(Call(&one, &Stub::AssignMeteringPointZone, assign, &point), "PERMISSION_DENIED");
  ASSERT_EQ(Call(&op, &Stub::AssignMeteringPointZone, assign, &point), "OK");
  EXPECT_EQ(point.zone(), "north");
  assign.set_zone("east");
  EXPECT_EQ(Call(&op, &Stub::AssignMeteringPointZone, assign, &point), "ZONE_UNKNOWN");
  assign.set_zone("East");
  EXPECT_EQ(Call(&op, &Stub::AssignMeteringPointZone, assign, &point), "FIELD_INVALID");
}

}  // namespace
}  // namespace peerwatt::registry
