// The market is killed at every call that it makes to the database, before and after the call's
// effect. Another process goes on: no order is lost or doubled, no hold is left without a need.

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/postgres/market/doomed.h"
#include "tests/postgres/market/peers.h"

namespace peerwatt::market {
namespace {

std::vector<Order> Wanted(const World& world) {
  std::vector<Order> orders;
  for (int i = 0; i < 4; ++i) {
    Order order;
    order.auction = world.Key(i % 2);
    order.id = OrderId(absl::StrCat(i < 2 ? "b" : "o", i, "x"));
    order.side = i < 2 ? Side::kBid : Side::kOffer;
    order.metering_point = MeteringPointId(i < 2 ? "m1" : "m4");
    order.participant = ParticipantId(i < 2 ? "p1" : "p3");
    order.energy = Energy::WattHours(400);
    order.limit = Price::MicrosPerKwh(i < 2 ? 200'000 : 100'000);
    order.create_time = world.start - absl::Hours(3);
    orders.push_back(order);
  }
  // A bid without funds: its refusal must stand.
  Order poor = orders[0];
  poor.id = OrderId("poor-x");
  poor.metering_point = MeteringPointId("m2");
  poor.participant = ParticipantId("p2");
  orders.push_back(poor);
  return orders;
}

std::string Story(World& world) {
  std::string story;
  for (int i = 0; i < 2; ++i) {
    const AuctionKey key = world.Key(i);
    const Auction auction = *world.view.GetAuction(key);
    absl::StrAppend(&story, i, " final ", auction.holds_reduced, " energy ",
                    auction.cleared_energy.wh(), "\n");
    const std::vector<Order> orders = *world.auctions.OrdersOf(key);
    for (const Order& order : orders) {
      absl::StrAppend(&story, "  ", order.id.value(), " ", static_cast<int>(order.state), " ",
                      order.filled.wh(), " held ",
                      world.settlement.HeldFor(key.delivery_start, order.id.value()), "\n");
    }
    absl::StrAppend(&story, "  trades ", world.auctions.TradesOf(key)->size(), "\n");
  }
  return absl::StrCat(story, "holds ", world.settlement.holds.size());
}

class CutOffTest : public ::testing::Test {
 protected:
  static void Prepare(World& world) {
    world.settlement.balances[ParticipantId("p2")] = 10;
    world.RunUntilDone(world.start - absl::Hours(3));
  }
  static absl::Time GateClosure(const World& world) {
    return world.Key(1).delivery_start - absl::Hours(1);
  }
  static absl::Time FirstGateClosure(const World& world) {
    return world.start - absl::Hours(1);
  }
  // Places the orders again as clients do that got no answer, and takes the auctions to their end.
  static void GoOn(World& world) {
    for (const auto& answer :
         world.desk.CreateGroup(Wanted(world), world.start - absl::Hours(2))) {
      EXPECT_TRUE(answer.ok() || ReasonOf(answer.status()) == "FUNDS_INSUFFICIENT")
          << answer.status();
    }
  }
};

TEST_F(CutOffTest, AtEveryDatabaseCallOfOrderPlacement) {
  World undisturbed;
  Prepare(undisturbed);
  GoOn(undisturbed);
  undisturbed.RunUntilDone(GateClosure(undisturbed));
  const std::string expected = Story(undisturbed);
  ASSERT_NE(expected.find("o2x 3 400"), std::string::npos) << expected;
  int calls = 0;
  for (int cut_at = -1; cut_at < calls; ++cut_at) {
    for (const bool after_effect : {false, true}) {
      World world;
      Prepare(world);
      {
        Doomed doomed(world, cut_at, after_effect);
        const auto answers = doomed.desk.CreateGroup(Wanted(world), world.start - absl::Hours(3));
        if (cut_at < 0) {
          calls = doomed.proxy.calls();
          ASSERT_GE(calls, 10);
        }
      }
      // The refused one gets money, too late for the order that was refused.
      const auto poor = world.orders.GetOrder(world.Key(), OrderId("poor-x"));
      if (poor.ok() && poor->state == OrderState::kRejected) {
        world.settlement.balances[ParticipantId("p2")] = World::kFunds;
      }
      ASSERT_TRUE(world.desk.Sweep(world.community, world.start - absl::Hours(2)).ok());
      EXPECT_TRUE(
          world.orders.PendingBefore(world.community, world.start, 10)->empty());
      GoOn(world);
      world.RunUntilDone(GateClosure(world));
      EXPECT_EQ(Story(world), expected) << "call " << cut_at << ", " << after_effect;
    }
  }
}

// What became of bids, told apart by their energies, that clients asked for once.
struct Damage {
  int lost = 0;
  int duplicated = 0;
  int orphaned_holds = 0;
};

// The second group takes the short way: one statement each for orders, holds and states.
class PlainBidsCutOffTest : public CutOffTest {
 protected:
  static constexpr int kBids = 4;  // of a group

  static std::vector<Order> Bids(const World& world, int group, const std::string& prefix) {
    std::vector<Order> orders;
    for (int i = 0; i < kBids; ++i) {
      orders.push_back(Wanted(world)[static_cast<size_t>(i % 2)]);
      orders.back().id = OrderId(absl::StrCat(prefix, group, "-", i, "x"));
      orders.back().energy = Energy::WattHours(100 + kBids * group + i);
    }
    return orders;
  }
  // Returns whether all got a good answer.
  static bool PlaceGroups(const World& world, OrderDesk& desk, const std::string& prefix = "b") {
    bool all_placed = true;
    for (int group = 0; group < 2; ++group) {
      for (const auto& answer :
           desk.CreateGroup(Bids(world, group, prefix), world.start - absl::Hours(3))) {
        all_placed = all_placed && answer.ok();
      }
    }
    return all_placed;
  }
  static void AddDamage(World& world, Damage& damage) {
    std::map<int64_t, int> active;
    std::set<std::pair<absl::Time, OrderId>> named;
    for (int i = 0; i < 2; ++i) {
      const std::vector<Order> orders = *world.auctions.OrdersOf(world.Key(i));
      for (const Order& order : orders) {
        if (order.state == OrderState::kActive) {
          ++active[order.energy.wh()];
          named.emplace(order.auction.delivery_start, order.id);
        }
      }
    }
    for (int bid = 0; bid < 2 * kBids; ++bid) {
      const int count = active[100 + bid];
      damage.lost += count == 0;
      damage.duplicated += count > 1;
    }
    for (const auto& [key, hold] : world.settlement.holds) {
      damage.orphaned_holds += hold.second > 0 && !named.contains(key);
    }
  }
};

TEST_F(PlainBidsCutOffTest, AtEveryDatabaseCallOfPlainBids) {
  World undisturbed;
  Prepare(undisturbed);
  ASSERT_TRUE(PlaceGroups(undisturbed, undisturbed.desk));
  GoOn(undisturbed);
  undisturbed.RunUntilDone(GateClosure(undisturbed));
  const std::string expected = Story(undisturbed);
  Damage damage;
  int calls = 0;
  for (int cut_at = -1; cut_at < calls; ++cut_at) {
    for (const bool after_effect : {false, true}) {
      World world;
      Prepare(world);
      {
        Doomed doomed(world, cut_at, after_effect);
        EXPECT_EQ(PlaceGroups(world, doomed.desk), cut_at < 0) << cut_at;
        if (cut_at < 0) {
          calls = doomed.proxy.calls();
          ASSERT_EQ(calls, 15) << "13 for session and first group, two for the second";
        }
      }
      ASSERT_TRUE(world.desk.Sweep(world.community, world.start - absl::Hours(2)).ok());
      EXPECT_TRUE(world.orders.PendingBefore(world.community, world.start, 10)->empty());
      ASSERT_TRUE(PlaceGroups(world, world.desk));
      AddDamage(world, damage);
      GoOn(world);
      world.RunUntilDone(GateClosure(world));
      EXPECT_EQ(Story(world), expected) << "call " << cut_at << ", " << after_effect;
    }
  }
  EXPECT_EQ(damage.lost, 0);
  EXPECT_EQ(damage.duplicated, 0);
  EXPECT_EQ(damage.orphaned_holds, 0);
}

// The control: nobody sweeps, and clients that got no answer ask again under other ids.
TEST_F(PlainBidsCutOffTest, NoticesWhatNobodyHealsOfPlainBids) {
  Damage unanswered;
  Damage asked_anew;
  int calls = 0;
  for (int cut_at = -1; cut_at < calls; ++cut_at) {
    World world;
    Prepare(world);
    {
      Doomed doomed(world, cut_at, true);
      (void)PlaceGroups(world, doomed.desk);
      calls = cut_at < 0 ? doomed.proxy.calls() : calls;
    }
    if (cut_at >= 0) {
      AddDamage(world, unanswered);
      (void)PlaceGroups(world, world.desk, "again");
      AddDamage(world, asked_anew);
    }
  }
  EXPECT_GT(unanswered.lost, 0);
  EXPECT_GT(unanswered.orphaned_holds, 0);
  EXPECT_EQ(asked_anew.lost, 0);
  EXPECT_GT(asked_anew.duplicated, 0);
}

TEST_F(CutOffTest, AtEveryDatabaseCallOfClearing) {
  World undisturbed;
  Prepare(undisturbed);
  undisturbed.AddStandingOrders();
  GoOn(undisturbed);
  undisturbed.RunUntilDone(FirstGateClosure(undisturbed));
  const std::string expected = Story(undisturbed);
  int calls = 0;
  for (int cut_at = -1; cut_at < calls; ++cut_at) {
    for (const bool after_effect : {false, true}) {
      World world;
      Prepare(world);
      world.AddStandingOrders();
      GoOn(world);
      {
        Doomed doomed(world, cut_at, after_effect);
        const absl::Status ended =
            doomed.runner.RunOnce(FirstGateClosure(world), [] { return false; });
        EXPECT_EQ(ended.ok(), cut_at < 0) << ended;
        if (cut_at < 0) {
          calls = doomed.proxy.calls();
          ASSERT_GE(calls, 20);
        }
      }
      world.RunUntilDone(FirstGateClosure(world));
      EXPECT_EQ(Story(world), expected) << "call " << cut_at << ", " << after_effect;
    }
  }
}

// The control: what the tests above would see if nothing healed what was cut off.
TEST_F(CutOffTest, NoticesWhatNobodyHeals) {
  World undisturbed;
  Prepare(undisturbed);
  GoOn(undisturbed);
  undisturbed.RunUntilDone(GateClosure(undisturbed));
  const std::string expected = Story(undisturbed);
  int calls = 0;
  int lost = 0;
  int stuck = 0;
  for (int cut_at = -1; cut_at < calls; ++cut_at) {
    World world;
    Prepare(world);
    {
      // No sweep, no retry by the client.
      Doomed doomed(world, cut_at, true);
      (void)doomed.desk.CreateGroup(Wanted(world), world.start - absl::Hours(3));
      calls = cut_at < 0 ? doomed.proxy.calls() : calls;
    }
    stuck += world.orders.PendingBefore(world.community, world.start, 10)->empty() ? 0 : 1;
    world.RunUntilDone(GateClosure(world));
    lost += Story(world) == expected ? 0 : 1;
  }
  EXPECT_GT(stuck, 0);
  EXPECT_GT(lost, 0);
  EXPECT_LT(lost, calls) << "a cut after the last write loses nothing";
}

}  // namespace
}  // namespace peerwatt::market
