#include "agent/generator.h"

#include <map>
#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace peerwatt::agent {
namespace {

constexpr absl::Duration kQuarterHour = absl::Minutes(15);
const absl::Time kYear = absl::FromCivil(absl::CivilDay(2021, 1, 1), absl::UTCTimeZone());
constexpr int kQuarterHoursPerYear = 365 * 96;

Interval QuarterHour(int i) {
  return {kYear + i * kQuarterHour, kYear + (i + 1) * kQuarterHour};
}

TEST(GeneratorTest, AValueDependsOnNothingButItsKey) {
  const auto first = HouseholdSource::New(7, "h01", 3500);
  const auto second = HouseholdSource::New(7, "h01", 3500);
  const auto pv = PvSource::New(7, "h01", 5000);
  const auto pv_again = PvSource::New(7, "h01", 5000);
  std::mt19937 random(3);
  std::map<int, absl::int128> seen;
  for (int i = 0; i < 2000; ++i) seen[i] = (*first)->MeanPower(QuarterHour(i))->attowatts();
  for (int i = 0; i < 2000; ++i) {
    const auto at = static_cast<int>(random() % 2000);
    EXPECT_EQ((*second)->MeanPower(QuarterHour(at))->attowatts(), seen[at]);
    EXPECT_EQ(*(*pv)->MeanPower(QuarterHour(at)), *(*pv_again)->MeanPower(QuarterHour(at)));
  }
}

// Known values: another build, machine or day must make the same household.
TEST(GeneratorTest, GoldenValuesHold) {
  const auto household = HouseholdSource::New(7, "h01", 3500);
  const auto pv = PvSource::New(7, "h01", 5000);
  const Interval noon = QuarterHour(180 * 96 + 44);
  EXPECT_EQ((*household)->MeanPower(noon)->attowatts() / (kScale / 1000), 221253);
  EXPECT_EQ((*pv)->MeanPower(noon)->attowatts() / (kScale / 1000), 4136269);
}

TEST(GeneratorTest, HouseholdsAndSeedsDiffer) {
  const auto a = HouseholdSource::New(7, "h01", 3500);
  const auto b = HouseholdSource::New(7, "h02", 3500);
  const auto c = HouseholdSource::New(8, "h01", 3500);
  int same = 0;
  for (int i = 0; i < 500; ++i) {
    const Power power = *(*a)->MeanPower(QuarterHour(i));
    same += power == *(*b)->MeanPower(QuarterHour(i)) ? 1 : 0;
    same += power == *(*c)->MeanPower(QuarterHour(i)) ? 1 : 0;
  }
  EXPECT_EQ(same, 0);
}

TEST(GeneratorTest, AYearOfAHouseholdIsWhatWasAsked) {
  for (const int64_t kwh : {1500, 3500, 6000}) {
    for (const char* household : {"h01", "h02", "h03"}) {
      const auto source = HouseholdSource::New(11, household, kwh);
      const auto total =
          TotalEnergyWh(**source, {kYear, kYear + kQuarterHoursPerYear * kQuarterHour},
                        kQuarterHour);
      EXPECT_GE(total->wh(), kwh * 900) << household;
      EXPECT_LE(total->wh(), kwh * 1100) << household;
    }
  }
}

TEST(GeneratorTest, AHouseholdSleepsAtNightAndCooksInTheEvening) {
  const auto source = HouseholdSource::New(1, "h01", 3500);
  std::vector<absl::int128> by_hour(24, 0);
  for (int i = 0; i < 90 * 96; ++i) {
    by_hour[static_cast<size_t>(i / 4 % 24)] += (*source)->MeanPower(QuarterHour(i))->attowatts();
  }
  EXPECT_GT(by_hour[18], by_hour[2] * 3);   // 19:00 against 03:00 in Berlin
  EXPECT_GT(by_hour[18], by_hour[14]);
}

TEST(GeneratorTest, APlantYieldsWhatPlantsDoAt48Degrees) {
  const auto source = PvSource::New(5, "h01", 1000);
  const auto year = TotalEnergyWh(
      **source, {kYear, kYear + kQuarterHoursPerYear * kQuarterHour}, kQuarterHour);
  EXPECT_GE(year->wh(), 850'000);  // kWh per kWp
  EXPECT_LE(year->wh(), 1'200'000);
  const auto month = [&](int first_day) {
    return TotalEnergyWh(**source,
                         {kYear + first_day * absl::Hours(24),
                          kYear + (first_day + 30) * absl::Hours(24)},
                         kQuarterHour)
        ->wh();
  };
  EXPECT_GT(month(155), 2 * month(335));  // June against December
}

TEST(GeneratorTest, APlantIsDarkAtNightAndNeverAboveItsPeak) {
  const auto source = PvSource::New(5, "h01", 1000);
  absl::int128 highest = 0;
  for (int i = 0; i < kQuarterHoursPerYear; ++i) {
    const absl::int128 power = (*source)->MeanPower(QuarterHour(i))->attowatts();
    if (i % 96 < 8) {
      EXPECT_EQ(power, 0) << i;  // 00:00 to 02:00 UTC
    }
    highest = std::max(highest, power);
  }
  EXPECT_LE(highest, absl::int128(1000) * kScale);
  EXPECT_GT(highest, absl::int128(600) * kScale);
}

TEST(GeneratorTest, IntervalsOfAnyLengthAgree) {
  const auto source = HouseholdSource::New(2, "h05", 4000);
  for (int hour = 0; hour < 200; ++hour) {
    const absl::Time start = kYear + hour * absl::Hours(1);
    const Interval whole{start, start + absl::Hours(1)};
    const int64_t total = TotalEnergyWh(**source, whole, absl::Hours(1))->wh();
    const int64_t parts = TotalEnergyWh(**source, whole, absl::Minutes(5))->wh();
    EXPECT_NEAR(static_cast<double>(total), static_cast<double>(parts), 1.0);
  }
}

TEST(GeneratorTest, RefusesSizesOutOfBounds) {
  EXPECT_FALSE(HouseholdSource::New(1, "h", 99).ok());
  EXPECT_TRUE(HouseholdSource::New(1, "h", 100).ok());
  EXPECT_FALSE(HouseholdSource::New(1, "h", 100'001).ok());
  EXPECT_FALSE(PvSource::New(1, "h", 0).ok());
  EXPECT_FALSE(PvSource::New(1, "h", 10'000'001).ok());
}

}  // namespace
}  // namespace peerwatt::agent
