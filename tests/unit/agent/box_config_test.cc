#include "agent/box_config.h"

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_replace.h"
#include "agent/box_metrics.h"
#include "agent/disk.h"
#include "gtest/gtest.h"
#include "libs/base/error.h"
#include "tests/unit/agent/scratch.h"

namespace peerwatt::agent {
namespace {

using ::peerwatt::testing::Scratch;

constexpr char kConfig[] = R"({
  "device": "devices/box-1",
  "gateway_device_address": "gateway:7443",
  "gateway_grpc_address": "gateway:7444",
  "ca_file": "CA",
  "sources": [
    {"name": "meter", "kind": "p1", "address": "tcp:127.0.0.1:2001",
     "points": [{"metering_point": "meteringPoints/load", "register": "import"},
                {"metering_point": "meteringPoints/feed", "register": "export"}]},
    {"name": "roof", "kind": "sunspec", "address": "tcp:127.0.0.1:502", "unit": 3, "model": 103,
     "points": [{"metering_point": "meteringPoints/roof", "power_max_w": 12000}]}
  ]
})";

class BoxConfigTest : public ::testing::Test {
 protected:
  BoxConfigTest() {
    EXPECT_TRUE(ReplaceFile(scratch_ / "ca.pem", "the authority", 0600, false).ok());
  }
  // The configuration with one text put for another.
  absl::StatusOr<BoxConfig> Parse(const std::string& from = "", const std::string& to = "") {
    std::string text = kConfig;
    if (!from.empty()) {
      EXPECT_TRUE(absl::StrContains(text, from)) << from;
      text = absl::StrReplaceAll(text, {{from, to}});
    }
    return ParseBoxConfig(absl::StrReplaceAll(text, {{"\"CA\"", "\"" + scratch_ / "ca.pem\""}}),
                          clock_);
  }
  Scratch scratch_;
  ManualClock clock_{absl::UnixEpoch()};
};

TEST_F(BoxConfigTest, ReadsSeveralMetersAndPoints) {
  const auto config = Parse();
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->device, "devices/box-1");
  EXPECT_EQ(config->ca_pem, "the authority");
  EXPECT_FALSE(config->sign_batches);
  EXPECT_TRUE(Parse("\"sources\":", "\"sign_batches\": true, \"sources\":")->sign_batches);
  ASSERT_EQ(config->sources.size(), 2u);
  const auto& points = config->sources[0].points;
  ASSERT_EQ(points.size(), 2u);
  EXPECT_TRUE(points[0].imports && !points[0].exports);
  EXPECT_TRUE(!points[1].imports && points[1].exports);
  EXPECT_TRUE(config->sources[1].points[0].imports && config->sources[1].points[0].exports);
  EXPECT_EQ(config->sources[1].points[0].track.power_max_w, 12'000);
  EXPECT_EQ(config->sources[1].points[0].track.interval, absl::Minutes(15));
  EXPECT_EQ(config->sources[0].make([](const Observation&) {})->name(), "meter");
  EXPECT_EQ(config->sources[1].make([](const Observation&) {})->name(), "roof");
  EXPECT_EQ(Parse("\"CA\",", "\"CA\", \"send_as\": \"registers\",")->sources[0].points[0].send_as,
            SendAs::kRegisters);
}

TEST_F(BoxConfigTest, NamesTheFieldAtFault) {
  struct Case {
    std::string from, to, message;
  };
  for (const Case& at : std::vector<Case>{
           {"{\n  \"device\"", "\"device\"", "the configuration is not JSON"},
           {"devices/box-1", "box-1", "device is not a name such as devices/a1"},
           {"\"unit\"", "\"units\"", "sources[1].units is not a known field"},
           {"\"unit\": 3", "\"unit\": 256", "sources[1].unit is not from 0 to 255"},
           {"\"model\": 103", "\"model\": 160",
            "sources[1].model is no SunSpec model that counts energy"},
           {"\"p1\"", "\"modbus\"", "sources[0].kind is neither p1 nor sunspec"},
           {"tcp:127.0.0.1:502", "serial:/dev/ttyS0", "sources[1].address is not tcp:HOST:PORT"},
           {"tcp:127.0.0.1:2001", "127.0.0.1",
            "sources[0].address : 127.0.0.1 is neither tcp:HOST:PORT nor serial:/dev/NAME"},
           {"\"export\"", "\"out\"",
            "sources[0].points[1].register is none of import, export and both"},
           {"\"sources\":", "\"sign_batches\": 1, \"sources\":",
            "sign_batches is neither true nor false"},
           {"12000", "0", "sources[1].points[0].power_max_w is not from 1 to 1000000000"},
           {"\"ca_file\": \"CA\"", "\"ca_file\": \"/nowhere\"", "ca_file : "}}) {
    const auto config = Parse(at.from, at.to);
    EXPECT_EQ(ReasonOf(config.status()), "SETTINGS_INVALID") << at.message;
    EXPECT_TRUE(absl::StartsWith(config.status().message(), at.message)) << config.status();
  }
}

TEST(BoxMetricsTest, WritesEveryFamilyOnceWithItsSamples) {
  MeterBoxState box;
  box.buffer.last_index = 7;
  box.buffer.acknowledged_index = 5;
  box.buffer.batches_dropped = 2;
  box.sources["p\"1"].observations = 9;
  box.points["meteringPoints/a"].recorded_through = absl::FromUnixSeconds(900);
  box.points["meteringPoints/b"].unused_observations = 4;
  IdentityState identity;
  identity.renewals = 3;
  const std::string text = BoxMetrics(box, identity);
  for (const char* line :
       {"peerwatt_agent_buffer_batches 2\n", "peerwatt_agent_batches_dropped_total 2\n",
        "peerwatt_agent_source_observations_total{source=\"p\\\"1\"} 9\n",
        "peerwatt_agent_recorded_through_timestamp_seconds{metering_point=\"meteringPoints/a\"} "
        "900\n",
        "peerwatt_agent_observations_unused_total{metering_point=\"meteringPoints/b\"} 4\n",
        "peerwatt_agent_certificate_renewals_total 3\n",
        "# TYPE peerwatt_agent_connected gauge\n"}) {
    EXPECT_TRUE(absl::StrContains(text, line)) << line << text;
  }
}

}  // namespace
}  // namespace peerwatt::agent
