#include <random>

#include <gtest/gtest.h>

#include "tests/property/settlement/naive_ledger.h"

namespace peerwatt::settlement::ledger {
namespace {

TEST(LedgerPropertyTest, DecidingInGroupsIsAsDecidingOneByOne) {
  const uint64_t first = std::random_device()();
  for (uint64_t seed = first; seed < first + 40; ++seed) {
    ASSERT_EQ(FirstLedgerFault(seed, 150), "") << "seed " << seed;
  }
}

}  // namespace
}  // namespace peerwatt::settlement::ledger
