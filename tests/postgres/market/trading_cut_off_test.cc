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

// What one process does, as its clients ask, of which each asks again until it is answered.
struct Script {
  TradingWorld& world;
  OrderDesk& desk;
  TradingDesk& trading;

  void Ask() {
    const std::vector<Order> group = {
        world.Wanted("p6", "o1-x", Side::kOffer, 100, 200, kGtc),
        world.Wanted("p5", "b1-x", Side::kBid, 40, 210, kGtc),
        world.Wanted("p7", "b2-x", Side::kBid, 90, 200, kGtc),
        world.Wanted("p7", "b4-x", Side::kBid, 60, 150, kGtc),
        world.Wanted("p8", "b3-x", Side::kBid, 10, 210, TimeInForce::kFillOrKill, 1),
        world.Wanted("p8", "o2-x", Side::kOffer, 30, 190, kGtc, 1)};
    (void)desk.CreateGroup(group, world.clock.Now());
    // Whatever comes first, only one pair may trade, at one price.
    (void)trading.Amend(world.Key(), OrderId("o1-x"), ParticipantId("p6"), Energy::WattHours(96),
                        Price::MicrosPerKwh(200'000));
    (void)desk.Cancel(world.Key(), OrderId("b4-x"), ParticipantId("p7"), world.clock.Now());
    (void)desk.Cancel(world.Key(1), OrderId("o2-x"), ParticipantId("p8"), world.clock.Now());
  }
};

std::string Story(TradingWorld& world) {
  std::string story;
  for (int i = 0; i < 2; ++i) {
    absl::StrAppend(&story, i, " trades ", world.Traded(i), "\n");
    std::vector<Order> orders = *world.auctions.OrdersOf(world.Key(i));
    std::sort(orders.begin(), orders.end(),
              [](const Order& a, const Order& b) { return a.id < b.id; });
    for (const Order& order : orders) {
      absl::StrAppend(&story, "  ", order.id.value(), " ", TradingWorld::Said(order), " filled ",
                      order.filled.wh(), " of ", order.energy.wh(), " held ",
                      world.Held(order.id.value(), i), "\n");
    }
  }
  return absl::StrCat(story, "holds ", world.settlement.holds.size());
}

// What a cut may change is only what nobody was told.
std::string FaultOf(TradingWorld& world) {
  for (int i = 0; i < 2; ++i) {
    const std::string fault = AuditBook(world, i, {}).fault;
    if (!fault.empty()) {
      return fault;
    }
  }
  return "";
}

TEST(TradingCutOffTest, AtEveryDatabaseCall) {
  TradingWorld undisturbed;
  undisturbed.Do("p6 belongs p5");
  Script{undisturbed, undisturbed.desk, undisturbed.trading}.Ask();
  EXPECT_EQ(undisturbed.Traded(), "b2-x<-o1-x 90@200") << "the owner of o1-x has b1-x";
  undisturbed.Do("the gate closes");
  const std::string expected = Story(undisturbed);
  int calls = 0;
  for (int cut_at = -1; cut_at < calls; ++cut_at) {
    for (const bool after_effect : {false, true}) {
      TradingWorld world;
      world.Do("p6 belongs p5");
      {
        Doomed doomed(world, cut_at, after_effect);
        Script{world, doomed.desk, doomed.trading}.Ask();
        if (cut_at < 0) {
          calls = doomed.proxy.calls();
          ASSERT_GE(calls, 25);
        }
      }
      EXPECT_EQ(FaultOf(world), "") << "call " << cut_at << ", " << after_effect;
      ASSERT_TRUE(world.desk.Sweep(world.community, world.clock.Now() + absl::Minutes(1)).ok());
      Script{world, world.desk, world.trading}.Ask();
      EXPECT_EQ(FaultOf(world), "") << "call " << cut_at << ", " << after_effect;
      world.Do("the gate closes");
      EXPECT_EQ(Story(world), expected) << "call " << cut_at << ", " << after_effect;
    }
  }
}

}  // namespace
}  // namespace peerwatt::market
