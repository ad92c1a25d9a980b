#include "tests/postgres/market/trading_scenarios.h"

#include <gtest/gtest.h>

#include <string>

namespace peerwatt::market {
namespace {

class TradingScenarioTest : public ::testing::TestWithParam<TradingScenario> {};

TEST_P(TradingScenarioTest, TradesAsTheTableSays) { EXPECT_EQ(FaultOf(GetParam()), ""); }

INSTANTIATE_TEST_SUITE_P(All, TradingScenarioTest, ::testing::ValuesIn(TradingScenarios()),
                         [](const ::testing::TestParamInfo<TradingScenario>& scenario) {
                           return std::string(scenario.param.name);
                         });

}  // namespace
}  // namespace peerwatt::market
