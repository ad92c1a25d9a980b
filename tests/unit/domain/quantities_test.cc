#include "libs/domain/quantities.h"

#include <gtest/gtest.h>

#include <limits>

namespace peerwatt {
namespace {

TEST(QuantitiesTest, MultipliesEnergyAndPriceOnceWithTheStatedRounding) {
  const Price price = Price::MicrosPerKwh(200'001);
  EXPECT_EQ(AmountOf(Energy::WattHours(500), price, Rounding::kHalfEven).micros(), 100'000);
  EXPECT_EQ(AmountOf(Energy::WattHours(500), price, Rounding::kUp).micros(), 100'001);
  EXPECT_EQ(AmountOf(Energy::WattHours(1500), price, Rounding::kHalfEven).micros(), 300'002);
  EXPECT_EQ(AmountOf(Energy::WattHours(500), Price::MicrosPerKwh(-200'001), Rounding::kHalfEven)
                .micros(),
            -100'000);
}

TEST(QuantitiesTest, ReadsDecimalsWithoutLosingADigit) {
  EXPECT_EQ(*ParseMicros("12.34"), 12'340'000);
  EXPECT_EQ(*ParseMicros("-0.000001"), -1);
  EXPECT_EQ(*ParseMicros("7"), 7'000'000);
  EXPECT_EQ(*ParseMicros("9223372036854.775807"), std::numeric_limits<int64_t>::max());
  for (const char* bad : {"", "-", ".", "1.2.3", "1e3", "0.0000001", "9223372036854.775808", "1,5",
                          " 1", "+1", "99999999999999999999"}) {
    EXPECT_FALSE(ParseMicros(bad).ok()) << bad;
  }
}

TEST(QuantitiesTest, WritesWhatItReads) {
  for (const int64_t micros : {int64_t{0}, int64_t{1}, int64_t{-1}, int64_t{12'340'000},
                               std::numeric_limits<int64_t>::max()}) {
    EXPECT_EQ(*ParseMicros(FormatMicros(micros)), micros);
  }
  EXPECT_EQ(FormatMicros(12'340'000), "12.34");
  EXPECT_EQ(FormatMicros(-1), "-0.000001");
  EXPECT_EQ(FormatMicros(std::numeric_limits<int64_t>::min()), "-9223372036854.775808");
}

TEST(QuantitiesDeathTest, SumsThatDoNotFitStopTheProcess) {
  const Money most = Money::Micros(std::numeric_limits<int64_t>::max());
  EXPECT_DEATH(most + Money::Micros(1), "fit");
}

}  // namespace
}  // namespace peerwatt
