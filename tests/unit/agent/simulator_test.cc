#include "tools/devsim/simulator.h"

#include <memory>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "agent/disk.h"
#include "agent/generator.h"
#include "gtest/gtest.h"
#include "libs/base/clock.h"
#include "nlohmann/json.hpp"
#include "tests/unit/agent/fake_gateway.h"
#include "tests/unit/agent/scratch.h"

namespace peerwatt::devsim {
namespace {

using ::peerwatt::testing::FakeGateway;
using ::peerwatt::testing::Scratch;

const absl::Time kStart = absl::FromUnixSeconds(1613343600);
const Interval kSpan{kStart, kStart + absl::Hours(48)};

Fleet FleetOf(int devices, const FakeGateway& gateway) {
  Fleet fleet{gateway.device_address(), gateway.public_address(), gateway.ca_pem(),
              absl::Minutes(15), {}};
  for (int i = 1; i <= devices; ++i) {
    const std::string id = absl::StrCat("h", i, "x");
    FleetDevice device{absl::StrCat("devices/", id), "secret", {}};
    device.points.push_back({absl::StrCat("meteringPoints/", id), agent::Direction::kImport,
                             *agent::HouseholdSource::New(1, id, 3500), kSpan});
    fleet.devices.push_back(std::move(device));
  }
  return fleet;
}

TEST(SimulatorTest, PlaysAFleetOverMutualTlsToTheEnd) {
  const Scratch scratch;
  FakeGateway gateway({.seed = 4, .break_after_percent = 5, .defer_percent = 5});
  const ManualClock clock(kSpan.end);
  const Fleet fleet = FleetOf(16, gateway);
  SimulatorOptions options;
  options.state_folder = scratch / "state";
  options.status_file = scratch / "status.json";
  options.sync = false;
  options.intervals_per_series_max = 8;
  for (int round = 1; round <= 2; ++round) {  // the second finds everything done
    auto simulator = Simulator::New(options, fleet, clock);
    ASSERT_TRUE(simulator.ok()) << simulator.status();
    (*simulator)->Run(true);
    const auto json = nlohmann::json::parse(*agent::ReadWholeFile(options.status_file));
    EXPECT_EQ(json["finished"], true);
    EXPECT_EQ(json["acknowledged_through"], "2021-02-16T23:00:00+00:00");
    EXPECT_EQ(json["acknowledged_through_micros"], absl::ToUnixMicros(kSpan.end));
    EXPECT_EQ(json["readings_acknowledged"], 16 * 192);
    EXPECT_EQ(json["readings_refused"], 0);
    const auto totals = FleetTotals(fleet);
    for (const auto& [point, total] : *totals) EXPECT_EQ(json["per_point_wh"][point], total.wh());
  }
  EXPECT_EQ(gateway.metering().stored().size(), 16u * 192u);
  EXPECT_FALSE(gateway.metering().conflicts());
  EXPECT_EQ(gateway.enrolments(), 16);
}

TEST(SimulatorTest, NamesADeviceThatCannotEnrol) {
  const Scratch scratch;
  FakeGateway gateway;
  const ManualClock clock(kStart);
  Fleet fleet = FleetOf(2, gateway);
  fleet.devices[1].enrolment_token = "guess";
  SimulatorOptions options;
  options.state_folder = scratch / "state";
  auto simulator = Simulator::New(options, fleet, clock);
  ASSERT_TRUE(simulator.ok()) << simulator.status();
  std::thread runner([&] { (*simulator)->Run(false); });
  FleetStatus status;
  const absl::Time end = absl::Now() + absl::Seconds(20);
  do {
    status = (*simulator)->status();
  } while ((status.failures.empty() || status.devices_connected < 1) && absl::Now() < end);
  (*simulator)->Stop();
  runner.join();
  EXPECT_EQ(status.devices_connected, 1);
  ASSERT_EQ(status.failures.size(), 1u);
  EXPECT_EQ(status.failures["devices/h2x"], "ENROLMENT_TOKEN_INVALID: the token is not known");
}

}  // namespace
}  // namespace peerwatt::devsim
