#include "agent/power.h"

#include <string>

#include "gtest/gtest.h"

namespace peerwatt::agent {
namespace {

TEST(ParseDecimalTest, KeepsEveryDigit) {
  const struct {
    const char* text;
    absl::int128 expected;
  } cases[] = {
      {"0", 0},
      {"0.0", 0},
      {"-0.0", 0},
      {"159", absl::int128(159) * kScale},
      {"00159.500", absl::int128(1595) * (kScale / 10)},
      {".5", kScale / 2},
      {"5.", absl::int128(5) * kScale},
      {"0.8837499999999999", 883749999999999900},
      {"1e-05", kScale / 100000},
      {"1.5E3", absl::int128(1500) * kScale},
      {"1.5e+3", absl::int128(1500) * kScale},
      {"0.000000000000000001", 1},
      {"1e-18", 1},
      {"0.10000000000000000000000000", kScale / 10},
      {"999999999.999999999999999999", absl::int128(kScale) * 1'000'000'000 - 1},
      {"-2.5", absl::int128(-25) * (kScale / 10)},
      {"0e99", 0},
  };
  for (const auto& c : cases) {
    const auto value = ParseDecimal(c.text);
    ASSERT_TRUE(value.ok()) << c.text << ": " << value.status();
    EXPECT_EQ(*value, c.expected) << c.text;
  }
}

TEST(ParseDecimalTest, RefusesWhatIsNoNumberOrWouldLoseADigit) {
  for (const char* text :
       {"", ".", "-", "e5", "1e", "1e+", "1e5x", "1.2.3", "1,5", " 1", "1 ", "+1", "nan", "inf",
        "0x10", "1e1e1", "0.0000000000000000001", "1e-19", "1000000000", "1e9", "1e999", "1e99999",
        "--1", "1e 5", "1e--5"}) {
    EXPECT_FALSE(ParseDecimal(text).ok()) << text;
  }
}

}  // namespace
}  // namespace peerwatt::agent
