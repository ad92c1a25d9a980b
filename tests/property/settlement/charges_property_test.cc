// Charges of random communities, compared with a slow way that looks at every minute, on calendars
// with days of 23 and 25 hours.

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <ostream>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/property/settlement/charges_oracle.h"

namespace peerwatt::settlement {
namespace {

TEST(ChargesProperty, AgreeWithTheSlowWayOnEveryCalendar) {
  const uint64_t seed = std::random_device()();
  EXPECT_EQ(FirstChargeFault(seed, 300), "") << "seed " << seed;
}

TEST(ChargesProperty, PricesAgreeWithTheSlowWayInEveryQuarter) {
  const uint64_t seed = std::random_device()();
  EXPECT_EQ(FirstPriceFault(seed, 300), "") << "seed " << seed;
}

}  // namespace
}  // namespace peerwatt::settlement
