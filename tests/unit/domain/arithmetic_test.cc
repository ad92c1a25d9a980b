#include "libs/domain/arithmetic.h"

#include <gtest/gtest.h>

#include <limits>

namespace peerwatt {
namespace {

struct Case {
  int64_t a, b, divisor, down, up, half_even, half_away;
};

TEST(MulDivTest, RoundsEachWayOnBothSidesOfZero) {
  const Case cases[] = {{7, 1, 2, 3, 4, 4, 4},
                        {5, 1, 2, 2, 3, 2, 3},
                        {-5, 1, 2, -3, -2, -2, -3},
                        {-7, 1, 2, -4, -3, -4, -4},
                        {6, 1, 3, 2, 2, 2, 2},
                        {-6, 1, 3, -2, -2, -2, -2},
                        {1, 1, 3, 0, 1, 0, 0},
                        {-1, 1, 3, -1, 0, 0, 0},
                        {2, 1, 3, 0, 1, 1, 1},
                        {0, -9, 4, 0, 0, 0, 0},
                        {10000, 200000, 1000, 2000000, 2000000, 2000000, 2000000}};
  for (const Case& c : cases) {
    EXPECT_EQ(MulDiv(c.a, c.b, c.divisor, Rounding::kDown), c.down) << c.a << "*" << c.b;
    EXPECT_EQ(MulDiv(c.a, c.b, c.divisor, Rounding::kUp), c.up) << c.a << "*" << c.b;
    EXPECT_EQ(MulDiv(c.a, c.b, c.divisor, Rounding::kHalfEven), c.half_even) << c.a << "*" << c.b;
    EXPECT_EQ(MulDiv(c.a, c.b, c.divisor, Rounding::kHalfAway), c.half_away) << c.a << "*" << c.b;
  }
}

TEST(MulDivTest, KeepsProductsBeyond64Bits) {
  const int64_t big = std::numeric_limits<int64_t>::max();
  EXPECT_EQ(MulDiv(big, big, big, Rounding::kDown), big);
  EXPECT_EQ(MulDiv(-big, big, big, Rounding::kUp), -big);
}

TEST(MulDivDeathTest, StopsWhenTheResultDoesNotFit) {
  EXPECT_DEATH(MulDiv(std::numeric_limits<int64_t>::max(), 2, 1, Rounding::kDown), "fit");
}

TEST(CheckedAddTest, FindsTheOverflow) {
  EXPECT_EQ(CheckedAdd(1, 2), 3);
  EXPECT_FALSE(CheckedAdd(std::numeric_limits<int64_t>::max(), 1).has_value());
  EXPECT_FALSE(CheckedAdd(std::numeric_limits<int64_t>::min(), -1).has_value());
}

}  // namespace
}  // namespace peerwatt
