// Random commands of many threads on two instances, against a naive book.

#include <gtest/gtest.h>

#include <random>

#include "tests/postgres/market/trading_faults.h"

namespace peerwatt::market {
namespace {

TEST(TradingPropertyTest, WhatIsKeptIsWhatANaiveBookHas) {
  for (int course = 0; course < 2; ++course) {
    const uint64_t seed = std::random_device()();
    const TradingTrial trial = TryTrading(seed, 120);
    EXPECT_EQ(trial.fault, "") << "seed " << seed;
    EXPECT_GT(trial.trades, 30);
    EXPECT_GT(trial.events, 300);
    EXPECT_GT(trial.failures, 10);
  }
}

}  // namespace
}  // namespace peerwatt::market
