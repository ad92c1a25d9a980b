// The market is killed at every call that it makes to the database while orders trade, are amended
// and cancelled, before and after the call's effect. Another process goes on: no order is lost or
// doubled, no trade is without its orders, no hold is left without a need.

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/postgres/market/doomed.h"
#include "tests/postgres/market/trading_audit.h"

namespace peerwatt::market {
namespace {

constexpr TimeInForce kGtc = TimeInForce::kGoodTillClosure;

// A pair of auctions in which the same is asked, and the process is cut off once.
struct Pair {
  int first = 0;
  std::string label;
};

// What one process does, as its clients ask. Whatever comes first, only one pair of orders may
// trade, at one price: `p6` belongs to `p5`, and `p8` meets nobody but himself.
void Ask(const TradingWorld& world, OrderDesk& desk, TradingDesk& trading, int first) {
  const AuctionKey key = world.Key(first);
  (void)desk.CreateGroup(
      {world.Wanted("p6", "o1-x", Side::kOffer, 100, 200, kGtc, first),
       world.Wanted("p5", "b1-x", Side::kBid, 40, 210, kGtc, first),
       world.Wanted("p7", "b2-x", Side::kBid, 90, 200, kGtc, first),
       world.Wanted("p7", "b4-x", Side::kBid, 60, 150, kGtc, first),
       world.Wanted("p8", "b3-x", Side::kBid, 10, 210, TimeInForce::kFillOrKill, first + 1),
       world.Wanted("p8", "o2-x", Side::kOffer, 30, 190, kGtc, first + 1)},
      world.clock.Now());
  (void)trading.Amend(key, OrderId("o1-x"), ParticipantId("p6"), Energy::WattHours(96),
                      Price::MicrosPerKwh(200'000));
  (void)desk.Cancel(key, OrderId("b4-x"), ParticipantId("p7"), world.clock.Now());
  (void)desk.Cancel(world.Key(first + 1), OrderId("o2-x"), ParticipantId("p8"), world.clock.Now());
}

std::string Story(TradingWorld& world, int first) {
  std::string story;
  for (int i = first; i < first + 2; ++i) {
    absl::StrAppend(&story, "trades ", world.Traded(i), "\n");
    std::vector<Order> orders = *world.auctions.OrdersOf(world.Key(i));
    std::sort(orders.begin(), orders.end(),
              [](const Order& a, const Order& b) { return a.id < b.id; });
    for (const Order& order : orders) {
      absl::StrAppend(&story, "  ", order.id.value(), " ", TradingWorld::Said(order), " filled ",
                      order.filled.wh(), " of ", order.energy.wh(), " held ",
                      world.Held(order.id.value(), i), "\n");
    }
  }
  return story;
}

std::string FaultOf(TradingWorld& world, int first) {
  for (int i = first; i < first + 2; ++i) {
    const std::string fault = AuditBook(world, i, {}).fault;
    if (!fault.empty()) {
      return fault;
    }
  }
  return "";
}

// Cuts off once, lets another process go on, and asks again as clients do that got no answer.
// Returns the calls that were made.
int CutOffOnce(TradingWorld& world, const Pair& pair, int cut_at, bool after_effect) {
  int calls = 0;
  {
    Doomed doomed(world, cut_at, after_effect);
    Ask(world, doomed.desk, doomed.trading, pair.first);
    calls = doomed.proxy.calls();
  }
  EXPECT_EQ(FaultOf(world, pair.first), "") << pair.label;
  const absl::Time later = world.clock.Now() + absl::Minutes(1);
  EXPECT_TRUE(world.desk.Sweep(world.community, later).ok());
  EXPECT_TRUE(world.orders.PendingBefore(world.community, later, 10)->empty());
  Ask(world, world.desk, world.trading, pair.first);
  EXPECT_EQ(FaultOf(world, pair.first), "") << pair.label;
  return calls;
}

// Takes all auctions to their end, where each pair is as the first is.
void Compare(TradingWorld& world, const std::vector<Pair>& pairs) {
  world.clock.Set(world.Key(pairs.back().first + 1).delivery_start - absl::Hours(1));
  world.RunUntilDone(world.clock.Now());
  const std::string expected = Story(world, pairs.front().first);
  EXPECT_NE(expected.find("b2-x<-o1-x 90@200"), std::string::npos) << expected;
  EXPECT_NE(expected.find("o2-x CANCELLED 0"), std::string::npos) << expected;
  for (const Pair& pair : pairs) {
    EXPECT_EQ(Story(world, pair.first), expected) << pair.label;
  }
}

TEST(TradingCutOffTest, AtEveryDatabaseCall) {
  constexpr int kAuctions = 80;
  int calls = 0;
  int cut_at = -1;
  bool after_effect = false;
  while (cut_at < std::max(calls, 1)) {
    TradingWorld world;
    world.Do("p6 belongs p5");
    std::vector<Pair> pairs = {{0, "undisturbed"}};
    Ask(world, world.desk, world.trading, 0);
    for (int first = 2; first + 1 < kAuctions && cut_at < std::max(calls, 1); first += 2) {
      pairs.push_back({first, absl::StrCat("call ", cut_at, after_effect ? " after" : " before")});
      const int made = CutOffOnce(world, pairs.back(), cut_at, after_effect);
      if (cut_at < 0) {
        calls = made;
        ASSERT_GE(calls, 25);
      }
      cut_at += after_effect ? 1 : 0;
      after_effect = !after_effect;
    }
    Compare(world, pairs);
  }
}

}  // namespace
}  // namespace peerwatt::market
