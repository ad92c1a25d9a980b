#include "services/registry/core/networks.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "libs/base/error.h"

namespace peerwatt::registry {
namespace {

const absl::Time kStart = absl::FromUnixSeconds(1'800'000'000);

// A line from each zone to the next, closing a circle.
Network ValidNetwork() {
  Network network;
  network.community = CommunityId("c1");
  network.id = NetworkId("n1");
  network.starts_at = kStart;
  network.zones = {"south", "north", "mill"};
  network.lines = {{"south", "north", Price::MicrosPerKwh(20'000), 4'000, 0},
                   {"north", "mill", Price(), std::nullopt, std::nullopt},
                   {"mill", "south", kPriceMax, std::nullopt, 8}};
  return network;
}

std::string FieldOf(const absl::Status& status) {
  const ErrorDetail detail = DetailOf(status);
  return detail.violations.empty() ? "" : detail.violations[0].field;
}

struct Case {
  const char* name;
  std::function<void(Network&)> change;
  const char* field;
};

TEST(CheckNetworkTest, NamesTheFirstWrongField) {
  const std::vector<Case> cases = {
      {"valid, with a circle", [](Network&) {}, ""},
      {"one zone",
       [](Network& n) {
         n.zones = {"south"};
         n.lines.clear();
       },
       ""},
      {"two lines side by side", [](Network& n) { n.lines.push_back(n.lines[0]); }, ""},
      {"id", [](Network& n) { n.id = NetworkId("N"); }, "network_id"},
      {"start off the grid", [](Network& n) { n.starts_at += absl::Seconds(1); },
       "network.start_time"},
      {"no zone", [](Network& n) { n.zones.clear(); }, "network.zones"},
      {"zone twice", [](Network& n) { n.zones.push_back("south"); }, "network.zones"},
      {"zone's form", [](Network& n) { n.zones.push_back("South"); }, "network.zones"},
      {"too many zones", [](Network& n) { n.zones.assign(1001, "south"); }, "network.zones"},
      {"too many lines", [](Network& n) { n.lines.assign(4001, n.lines[0]); }, "network.lines"},
      {"from nowhere", [](Network& n) { n.lines[1].from_zone = "east"; },
       "network.lines[1].from_zone"},
      {"to nowhere", [](Network& n) { n.lines[1].to_zone = "east"; }, "network.lines[1].to_zone"},
      {"to itself", [](Network& n) { n.lines[1].to_zone = "north"; }, "network.lines[1].to_zone"},
      {"fee below 0", [](Network& n) { n.lines[0].fee = Price::MicrosPerKwh(-1); },
       "network.lines[0].fee_per_kwh"},
      {"fee above the bound",
       [](Network& n) { n.lines[0].fee = kPriceMax + Price::MicrosPerKwh(1); },
       "network.lines[0].fee_per_kwh"},
      {"capacity below 0", [](Network& n) { n.lines[0].capacity_w = -4; },
       "network.lines[0].capacity_w"},
      {"half a watt hour per quarter", [](Network& n) { n.lines[0].capacity_w = 4'002; },
       "network.lines[0].capacity_w"},
      {"back as well", [](Network& n) { n.lines[2].reverse_capacity_w = 1; },
       "network.lines[2].reverse_capacity_w"},
  };
  Community community;
  community.interval = absl::Minutes(15);
  for (const Case& c : cases) {
    Network network = ValidNetwork();
    c.change(network);
    EXPECT_EQ(FieldOf(CheckNetwork(network, community)), c.field) << c.name;
  }
}

TEST(CheckNetworkTest, ACapacityIsWholeWattHoursOfTheCommunitysInterval) {
  Community community;
  community.interval = absl::Minutes(5);
  Network network = ValidNetwork();
  network.lines.resize(1);
  network.lines[0].capacity_w = 4'000;  // 333⅓ Wh in five minutes.
  EXPECT_FALSE(CheckNetwork(network, community).ok());
  network.lines[0].capacity_w = 3'996;
  EXPECT_TRUE(CheckNetwork(network, community).ok());
}

}  // namespace
}  // namespace peerwatt::registry
