// Nobody trades with himself, whatever accounts he uses: every mode, tie rule and kind of book.

#include <gtest/gtest.h>

#include <iostream>
#include <random>

#include "tests/property/market/owner_books.h"

namespace peerwatt::market {
namespace {

using clearing::SelfTradeMode;
using clearing::TieRule;

TEST(OwnersPropertyTest, NobodyTradesWithHimself) {
  const uint64_t seed = std::random_device()();
  std::cout << "seed " << seed << "\n";
  EXPECT_EQ(FirstOwnerFault(seed, 3'000), "");
}

// A book of which one owner has more than half cannot be paired: energy is withdrawn.
TEST(OwnersPropertyTest, AnOwnerOfMostIsKeptApartInEveryMode) {
  const uint64_t seed = std::random_device()();
  std::cout << "seed " << seed << "\n";
  for (const OwnerBookKind kind : {OwnerBookKind::kOneZone, OwnerBookKind::kTree}) {
    for (const TieRule tie_rule : {TieRule::kTime, TieRule::kProRata}) {
      for (const SelfTradeMode mode :
           {SelfTradeMode::kKeepGreaterWelfare, SelfTradeMode::kWithdrawBids,
            SelfTradeMode::kWithdrawOffers}) {
        const OwnerFigures figures = ClearOwnerBook(
            seed, {.kind = kind, .orders = 3'000, .whale_share = 70, .rules = {tie_rule, mode}});
        EXPECT_EQ(figures.refusal, "");
        EXPECT_EQ(figures.self_trades, 0);
        EXPECT_GT(figures.withdrawn_wh, 0);
        EXPECT_GT(figures.traded_wh, 0);
      }
    }
  }
}

TEST(OwnersPropertyTest, WithoutRecordsOwnersDoTradeWithThemselves) {
  for (const OwnerBookKind kind :
       {OwnerBookKind::kOneZone, OwnerBookKind::kTree, OwnerBookKind::kPreferences}) {
    const size_t orders = kind == OwnerBookKind::kPreferences ? 60 : 3'000;
    const OwnerFigures figures = ClearOwnerBook(7, {.kind = kind,
                                                    .orders = orders,
                                                    .whale_share = 30,
                                                    .rules = {},
                                                    .owners_are_known = false});
    EXPECT_EQ(figures.refusal, "");
    EXPECT_GT(figures.self_trades, 0);
  }
}

}  // namespace
}  // namespace peerwatt::market
