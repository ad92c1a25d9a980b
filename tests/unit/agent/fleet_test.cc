#include "tools/devsim/fleet.h"

#include <fstream>
#include <string>

#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/base/error.h"
#include "tests/unit/agent/scratch.h"

namespace peerwatt::devsim {
namespace {

using ::peerwatt::testing::Scratch;
using ::testing::HasSubstr;

class FleetTest : public ::testing::Test {
 protected:
  FleetTest() {
    std::ofstream(scratch_ / "ca.pem") << "PEM";
    std::ofstream(scratch_ / "load.csv")
        << "timestamp,electricity\n1613343600,159\n1613344500,142\n1613345400,130\n";
    std::ofstream(scratch_ / "pv.csv")
        << "timestamp,electricity\n1613343600.0,0.0\n1613344500.0,1e-05\n1613345400.0,0.5\n";
  }
  std::string Json() const {
    return absl::StrReplaceAll(
        R"({"gateway_device_address": "127.0.0.1:1", "gateway_grpc_address": "127.0.0.1:2",
            "ca_file": "DIR/ca.pem", "interval_seconds": 900, "devices": [
            {"device": "devices/d-h01", "enrolment_token": "t", "points": [
              {"metering_point": "meteringPoints/h01-load", "register": "import",
               "source": {"kind": "csv", "path": "DIR/load.csv", "unit": "W"},
               "start_time": "2021-02-14T23:00:00Z", "end_time": "2021-02-14T23:45:00Z"},
              {"metering_point": "meteringPoints/h01-pv", "register": "export",
               "source": {"kind": "csv", "path": "DIR/pv.csv", "unit": "kW_per_kWp",
                          "kwp_milli": 5000},
               "start_time": "2021-02-14T23:15:00Z", "end_time": "2021-02-14T23:45:00Z"}]},
            {"device": "devices/d-h02", "enrolment_token": "t", "points": [
              {"metering_point": "meteringPoints/h02-load", "register": "import",
               "source": {"kind": "generator", "profile": "household", "seed": 7,
                          "annual_kwh": 3500, "household": "h02"},
               "start_time": "2021-02-14T23:00:00Z", "end_time": "2021-02-15T23:00:00Z"}]}]})",
        {{"DIR", scratch_.path()}});
  }
  Scratch scratch_;
};

TEST_F(FleetTest, ReadsDevicesAndTheirSources) {
  const auto fleet = ParseFleet(Json());
  ASSERT_TRUE(fleet.ok()) << fleet.status();
  ASSERT_EQ(fleet->devices.size(), 2u);
  EXPECT_EQ(fleet->devices[0].points[1].direction, agent::Direction::kExport);
  EXPECT_EQ(fleet->interval, absl::Minutes(15));
  const auto totals = FleetTotals(*fleet);
  ASSERT_TRUE(totals.ok());
  EXPECT_EQ(totals->at("meteringPoints/h01-load").wh(), 107);  // 431 W / 4
  EXPECT_EQ(totals->at("meteringPoints/h01-pv").wh(), 625);    // 2500.05 W / 4
  EXPECT_GT(totals->at("meteringPoints/h02-load").wh(), 1000);
}

TEST_F(FleetTest, ErrorsNameTheField) {
  const struct {
    const char* from;
    const char* to;
    const char* expected;
  } cases[] = {
      {"\"devices\": [", "\"devices\": [[", "the fleet is not JSON"},
      {"\"interval_seconds\": 900", "\"interval_seconds\": 901", "interval_seconds is not 300"},
      {"\"interval_seconds\": 900", "\"interval\": 900", "interval is not a known field"},
      {"devices/d-h02", "devices/d-h01", "devices[1].device is listed twice"},
      {"devices/d-h02", "d-h02", "devices[1].device is not a name such as devices/a1"},
      {"meteringPoints/h02-load", "meteringPoints/h01-load",
       "devices[1].points[0].metering_point is listed twice"},
      {"\"import\"", "\"both\"", "devices[0].points[0].register is neither import nor export"},
      {"\"kind\": \"csv\", \"path\": \"DIR/load.csv\"", "\"path\": \"DIR/load.csv\"",
       "devices[0].points[0].source.kind is missing"},
      {"load.csv", "nothing.csv", "devices[0].points[0].source.path"},
      {"\"unit\": \"W\"", "\"unit\": \"kW\"",
       "devices[0].points[0].source.unit is neither W nor kW_per_kWp"},
      {"\"kwp_milli\": 5000", "\"kwp_milli\": 0", "devices[0].points[1].source.kwp_milli is not"},
      {"\"annual_kwh\": 3500,", "", "devices[1].points[0].source.annual_kwh is not a whole number"},
      {"2021-02-15T23:00:00Z", "2021-02-15T23:01:00Z",
       "devices[1].points[0].end_time is not on the interval grid"},
      {"2021-02-15T23:00:00Z", "2021-02-14T23:00:00Z",
       "devices[1].points[0].end_time is not after the start"},
      {"2021-02-15T23:00:00Z", "tomorrow", "devices[1].points[0].end_time is not an instant"},
      {"ca.pem", "none.pem", "ca_file"},
  };
  for (const auto& c : cases) {
    const std::string from = absl::StrReplaceAll(c.from, {{"DIR", scratch_.path()}});
    std::string json = Json();
    const size_t at = json.find(from);
    ASSERT_NE(at, std::string::npos) << c.from;
    json.replace(at, from.size(), absl::StrReplaceAll(c.to, {{"DIR", scratch_.path()}}));
    const auto fleet = ParseFleet(json);
    ASSERT_FALSE(fleet.ok()) << c.expected;
    EXPECT_EQ(ReasonOf(fleet.status()), "FLEET_INVALID");
    EXPECT_THAT(std::string(fleet.status().message()), HasSubstr(c.expected));
  }
}

}  // namespace
}  // namespace peerwatt::devsim
