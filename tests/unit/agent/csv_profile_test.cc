#include "agent/csv_profile.h"

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "agent/errors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/base/error.h"

namespace peerwatt::agent {
namespace {

using ::testing::HasSubstr;

Interval QuarterHourAt(int64_t seconds) {
  const absl::Time start = absl::FromUnixSeconds(seconds);
  return {start, start + absl::Minutes(15)};
}

TEST(CsvProfileTest, ReadsBothFormsOfTimeAndLineEnds) {
  const auto profile =
      CsvProfile::Parse("timestamp,electricity\r\n900.0,0.25\r\n1800,1e-05\r\n", "p.csv");
  ASSERT_TRUE(profile.ok()) << profile.status();
  EXPECT_EQ(profile->starts, (std::vector<int64_t>{900, 1800}));
  EXPECT_EQ(profile->values[0], absl::int128(kScale / 4));
  EXPECT_EQ(profile->values[1], absl::int128(kScale / 100000));
}

TEST(CsvProfileTest, ErrorsNameTheLine) {
  const struct {
    const char* rows;
    const char* expected;
  } cases[] = {
      {"900,1\n1800,x\n", "p.csv line 3: 'x' is not a decimal number"},
      {"900,1\n1800\n", "p.csv line 3: a row has two fields"},
      {"900,1,2\n", "p.csv line 2: a row has two fields"},
      {"900,1\n\n1800,1\n", "p.csv line 3: a row has two fields"},
      {"900,-1\n", "p.csv line 2: the value is negative"},
      {"900.5,1\n", "p.csv line 2: '900.5' is not a whole second"},
      {"900.,1\n", "p.csv line 2: '900.' is not a whole second"},
      {"-900,1\n", "p.csv line 2: '-900' is not a time in Unix seconds"},
      {"999999999999,1\n", "p.csv line 2: '999999999999' is not a time in Unix seconds"},
      {"1800,1\n900,1\n", "p.csv line 3: the time is not after the one before"},
      {"900,1\n900,1\n", "p.csv line 3: the time is not after the one before"},
      {"900,0.1234567890123456789\n", "p.csv line 2: '0.1234567890123456789' has more than 18"},
      {"900,1000000000\n", "p.csv line 2: '1000000000' is not below 1000000000"},
      {"", "p.csv line 1: no rows"},
  };
  for (const auto& c : cases) {
    const auto profile =
        CsvProfile::Parse(absl::StrCat("timestamp,electricity\n", c.rows), "p.csv");
    ASSERT_FALSE(profile.ok()) << c.rows;
    EXPECT_EQ(ReasonOf(profile.status()), "PROFILE_INVALID");
    EXPECT_THAT(std::string(profile.status().message()), HasSubstr(c.expected));
  }
  EXPECT_THAT(std::string(CsvProfile::Parse("time,W\n900,1\n", "p.csv").status().message()),
              HasSubstr("p.csv line 1: the header"));
  EXPECT_THAT(std::string(CsvProfile::Load("/nonexistent.csv").status().message()),
              HasSubstr("/nonexistent.csv"));
}

TEST(CsvSourceTest, ScalesKilowattsPerPeakExactly) {
  auto profile = std::make_shared<CsvProfile>(
      *CsvProfile::Parse("timestamp,electricity\n900,0.8837499999999999\n", "p.csv"));
  const auto source = CsvSource::KilowattsPerPeak(profile, 5250);
  ASSERT_TRUE(source.ok()) << source.status();
  EXPECT_EQ((*source)->MeanPower(QuarterHourAt(900))->attowatts(),
            absl::int128(883749999999999900) * 5250);
}

TEST(CsvSourceTest, HasNoValueWithoutARow) {
  auto profile = std::make_shared<CsvProfile>(
      *CsvProfile::Parse("timestamp,electricity\n900,1\n2700,2\n", "p.csv"));
  const auto source = CsvSource::Watts(profile);
  ASSERT_TRUE(source.ok());
  EXPECT_FALSE((*source)->MeanPower(QuarterHourAt(0)).has_value());
  EXPECT_FALSE((*source)->MeanPower(QuarterHourAt(1800)).has_value());
  EXPECT_FALSE((*source)->MeanPower(QuarterHourAt(3600)).has_value());
  EXPECT_EQ(*(*source)->MeanPower(QuarterHourAt(2700)), Power::Milliwatts(2000));
}

TEST(CsvSourceTest, RefusesPowerAboveOneGigawatt) {
  auto profile = std::make_shared<CsvProfile>(
      *CsvProfile::Parse("timestamp,electricity\n900,1\n1800,2\n", "p.csv"));
  EXPECT_TRUE(CsvSource::KilowattsPerPeak(profile, 500'000'000).ok());
  const auto source = CsvSource::KilowattsPerPeak(profile, 500'000'001);
  ASSERT_FALSE(source.ok());
  EXPECT_THAT(std::string(source.status().message()), HasSubstr("line 3"));
}

}  // namespace
}  // namespace peerwatt::agent
