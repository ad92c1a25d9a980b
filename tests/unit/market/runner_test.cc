#include "services/market/core/runner.h"

#include <gtest/gtest.h>

namespace peerwatt::market {
namespace {

TEST(DueOpeningsTest, OpensEveryMissedAuctionInOrder) {
  CommunityRules rules;
  rules.id = CommunityId("c1");
  rules.interval = absl::Minutes(15);
  rules.trading_start = absl::FromUnixSeconds(1'800'000'000);
  rules.opening_lead = absl::Hours(24);
  rules.gate_closure_lead = absl::Hours(1);
  rules.network_fee = Price::MicrosPerKwh(7);
  const absl::Time first_opening = rules.trading_start - rules.opening_lead;

  EXPECT_TRUE(
      DueOpenings(rules, rules.trading_start, first_opening - absl::Microseconds(1), 100).empty());
  EXPECT_EQ(DueOpenings(rules, rules.trading_start, first_opening, 100).size(), 1u);
  const auto missed =
      DueOpenings(rules, rules.trading_start, first_opening + absl::Minutes(44), 100);
  ASSERT_EQ(missed.size(), 3u);
  EXPECT_EQ(missed[2].key.delivery_start, rules.trading_start + absl::Minutes(30));
  EXPECT_EQ(missed[2].delivery_end, rules.trading_start + absl::Minutes(45));
  EXPECT_EQ(missed[2].gate_closure, missed[2].key.delivery_start - absl::Hours(1));
  EXPECT_EQ(missed[2].network_fee, Price::MicrosPerKwh(7));
  EXPECT_EQ(DueOpenings(rules, rules.trading_start, rules.trading_start, 5).size(), 5u);
}

TEST(DueOpeningsTest, OpensNoneWhereTheCommunityShares) {
  CommunityRules rules;
  rules.interval = absl::Minutes(15);
  rules.trading_start = absl::FromUnixSeconds(1'800'000'000);
  rules.opening_lead = absl::Hours(24);
  const auto starts = [&](size_t max, const std::vector<TradingPhase>& phases) {
    std::vector<int64_t> minutes;
    for (const Auction& auction :
         DueOpenings(rules, rules.trading_start,
                     rules.trading_start - rules.opening_lead + absl::Minutes(75), max, phases)) {
      minutes.push_back((auction.key.delivery_start - rules.trading_start) / absl::Minutes(1));
    }
    return minutes;
  };
  const auto at = [&](int minutes, bool trades) {
    return TradingPhase{rules.trading_start + absl::Minutes(minutes), trades};
  };
  using Minutes = std::vector<int64_t>;
  EXPECT_EQ(starts(9, {}), (Minutes{0, 15, 30, 45, 60, 75}));
  EXPECT_EQ(starts(9, {at(15, false), at(45, true)}), (Minutes{0, 45, 60, 75}));
  EXPECT_EQ(starts(2, {at(-60, false), at(30, true)}), (Minutes{30, 45}));
  EXPECT_EQ(starts(9, {at(-60, false)}), Minutes());
}

}  // namespace
}  // namespace peerwatt::market
