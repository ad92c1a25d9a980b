// Holds profiles that were measured against the totals their publisher's rows add up to.
#include <cstdlib>
#include <memory>
#include <string>

#include "agent/csv_profile.h"
#include "agent/meter.h"
#include "gtest/gtest.h"

namespace peerwatt::agent {
namespace {

constexpr absl::Duration kQuarterHour = absl::Minutes(15);
const Interval kSpan{absl::FromUnixSeconds(1613343600), absl::FromUnixSeconds(1617228000)};

std::shared_ptr<const CsvProfile> Load(const std::string& name) {
  const char* folder = std::getenv("PEERWATT_HAMLET_DIR");
  EXPECT_NE(folder, nullptr);
  auto profile = CsvProfile::Load(std::string(folder == nullptr ? "" : folder) + "/" + name);
  EXPECT_TRUE(profile.ok()) << profile.status();
  return std::make_shared<const CsvProfile>(profile.ok() ? *std::move(profile) : CsvProfile());
}

void ExpectTotal(const std::shared_ptr<const ReadingSource>& source, int64_t expected_wh,
                 const std::string& name) {
  EXPECT_EQ(TotalEnergyWh(*source, kSpan, kQuarterHour)->wh(), expected_wh) << name;
  Meter meter({"meteringPoints/a1", Direction::kImport, source, kSpan}, kQuarterHour);
  Energy sum;
  int rows = 0;
  for (absl::Time at = kSpan.start; at < kSpan.end; at += kQuarterHour) {
    const auto energy = meter.Read(at);
    ASSERT_TRUE(energy.has_value()) << name;
    sum += *energy;
    ++rows;
  }
  EXPECT_EQ(rows, 4316);
  EXPECT_EQ(sum.wh(), expected_wh) << name;
}

TEST(HamletTest, HouseholdsAddUpToThePublishedTotals) {
  const struct {
    const char* name;
    int64_t expected_wh;  // kWh times 1000, rounded down
  } cases[] = {
      {"hh_2012_3", 258799}, {"hh_2262_0", 307107}, {"hh_2455_0", 272482}, {"hh_2532_0", 308931},
      {"hh_2687_0", 400670}, {"hh_2896_0", 213226}, {"hh_2959_0", 377849}, {"hh_3125_0", 421603},
      {"hh_3296_0", 478079}, {"hh_3564_0", 532428}, {"hh_3648_0", 605332}, {"hh_3863_0", 291800},
      {"hh_4402_0", 477397}, {"hh_4536_0", 516933}, {"hh_5527_0", 1054933}, {"hh_6249_0", 561435},
  };
  for (const auto& c : cases) {
    auto source = CsvSource::Watts(Load("load/" + std::string(c.name) + ".csv"));
    ASSERT_TRUE(source.ok()) << source.status();
    ExpectTotal(*std::move(source), c.expected_wh, c.name);
  }
}

// kWh per kWp, exactly: 123.06499999999997895, 155.219281045751624675 and 103.7369411764705716.
TEST(HamletTest, PlantsKeepEveryDigit) {
  const struct {
    const char* name;
    int64_t peak_w;
    int64_t expected_wh;
  } cases[] = {
      {"pv_1_pu", 1000, 123064},      {"pv_2_pu", 1000, 155219},
      {"pv_3_pu", 1000, 103736},      {"pv_1_pu", 1'000'000'000, 123064999999},
      {"pv_2_pu", 1'000'000'000, 155219281045}, {"pv_3_pu", 5250, 544618},
  };
  for (const auto& c : cases) {
    auto source =
        CsvSource::KilowattsPerPeak(Load("pv/" + std::string(c.name) + ".csv"), c.peak_w);
    ASSERT_TRUE(source.ok()) << source.status();
    ExpectTotal(*std::move(source), c.expected_wh, c.name);
  }
}

}  // namespace
}  // namespace peerwatt::agent
