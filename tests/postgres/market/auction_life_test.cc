#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/postgres/market/peers.h"

namespace peerwatt::market {
namespace {

// All that an auction ended in, and the money still held, as text to compare.
std::string Story(World& world, int auctions) {
  std::string story;
  for (int i = 0; i < auctions; ++i) {
    const AuctionKey key = world.Key(i);
    const Auction auction = *world.view.GetAuction(key);
    absl::StrAppend(&story, i, " state ", static_cast<int>(auction.state), " price ",
                    auction.clearing_price.value_or(Price()).micros_per_kwh(), " energy ",
                    auction.cleared_energy.wh(), " orders ", auction.order_count, " welfare ",
                    auction.welfare.micros(), " version ", auction.version, " final ",
                    auction.holds_reduced, "\n");
    const std::vector<Order> orders = *world.auctions.OrdersOf(key);
    for (const Order& order : orders) {
      absl::StrAppend(&story, "  ", order.id.value(), " state ", static_cast<int>(order.state),
                      " filled ", order.filled.wh(), " of ", order.energy.wh(), " held ",
                      world.settlement.HeldFor(key.delivery_start, order.id.value()), " ",
                      order.rejection_reason, "\n");
    }
    const std::vector<Trade> trades = *world.auctions.TradesOf(key);
    for (const Trade& trade : trades) {
      absl::StrAppend(&story, "  t", trade.number, " ", trade.buyer.value(), " ",
                      trade.seller.value(), " ", trade.energy.wh(), "\n");
    }
  }
  return story;
}

TEST(AuctionLifeTest, StandingOrdersTradeTheForecast) {
  World world;
  world.AddStandingOrders();
  const absl::Time opening = world.start - absl::Hours(24);
  world.RunUntilDone(opening - absl::Microseconds(1));
  EXPECT_EQ(world.view.GetAuction(world.Key()).status().code(), absl::StatusCode::kNotFound);
  world.RunUntilDone(opening);
  EXPECT_EQ(world.view.GetAuction(world.Key())->state, AuctionState::kOpen);
  EXPECT_EQ(*world.view.GetProgress(world.community)->cleared_through, world.start);

  const absl::Time gate_closure = world.start - absl::Hours(1);
  world.RunUntilDone(gate_closure - absl::Microseconds(1));
  EXPECT_EQ(world.view.GetAuction(world.Key())->state, AuctionState::kOpen);
  world.RunUntilDone(gate_closure);
  // p1 and p2 bid for 400 and 300 Wh, p3 offers 500: p2 is rationed and sets the price.
  EXPECT_EQ(Story(world, 1),
            "0 state 2 price 280000 energy 500 orders 3 welfare 108000 version 3 final 1\n"
            "  so-m1 state 3 filled 400 of 400 held 132000 \n"
            "  so-m2 state 4 filled 100 of 300 held 33000 \n"
            "  so-m4 state 3 filled 500 of 500 held -1 \n"
            "  t1 p1 p3 400\n"
            "  t2 p2 p3 100\n");
  EXPECT_EQ(*world.view.GetProgress(world.community)->cleared_through,
            world.start + absl::Minutes(15));
  EXPECT_EQ(world.view.GetAuction(world.Key(1))->state, AuctionState::kOpen);
}

TEST(AuctionLifeTest, ResumesBetweenAllSteps) {
  World undisturbed;
  undisturbed.AddStandingOrders();
  undisturbed.RunUntilDone(undisturbed.start - absl::Hours(1));

  World world;
  world.AddStandingOrders();
  world.RunUntilDone(world.start - absl::Hours(24));
  const auto at = [&] { return **world.auctions.FirstUnfinished(world.community); };
  ASSERT_TRUE(world.gate_closure.Freeze(at()).ok());
  EXPECT_EQ(at().state, AuctionState::kClosed);
  EXPECT_EQ(world.auctions.OrdersOf(world.Key())->at(0).state, OrderState::kPending);
  ASSERT_TRUE(world.gate_closure.Freeze(at()).ok()) << "again, as after a kill";
  EXPECT_EQ(world.auctions.OrdersOf(world.Key())->size(), 3u);
  const Auction closed = at();
  ASSERT_TRUE(world.gate_closure.ClearBook(closed).ok());
  EXPECT_EQ(at().state, AuctionState::kCleared);
  EXPECT_FALSE(at().holds_reduced);
  // Not final yet: settlement must not see it.
  const Interval span = {world.start, world.start + absl::Hours(1)};
  EXPECT_TRUE(world.view.ListOutcomes(world.community, span)->empty());
  EXPECT_EQ(*world.view.GetProgress(world.community)->cleared_through, world.start);
  ASSERT_TRUE(world.gate_closure.ClearBook(closed).ok()) << "again, as after a kill";
  const Auction cleared = at();
  ASSERT_TRUE(world.gate_closure.LowerHolds(cleared).ok());
  ASSERT_TRUE(world.gate_closure.LowerHolds(cleared).ok()) << "again, as after a kill";
  EXPECT_EQ(world.view.ListOutcomes(world.community, span)->size(), 1u);
  EXPECT_EQ(Story(world, 1), Story(undisturbed, 1));
}

TEST(AuctionLifeTest, EndsTheSameWhateverCallToAPeerFails) {
  constexpr int kAuctions = 2;
  World undisturbed;
  undisturbed.AddStandingOrders();
  undisturbed.settlement.balances[ParticipantId("p2")] = 120'000;  // Too little for the second.
  undisturbed.weather.FailAt(-1, false);
  undisturbed.RunUntilDone(undisturbed.Key(kAuctions - 1).delivery_start - absl::Hours(1));
  const std::string expected = Story(undisturbed, kAuctions);
  EXPECT_NE(expected.find("FUNDS_INSUFFICIENT"), std::string::npos) << expected;
  const int calls = undisturbed.weather.calls();
  ASSERT_EQ(calls, 4 * kAuctions) << "snapshot, forecasts, holds and their release per auction";
  ASSERT_EQ(undisturbed.metering.asked.size(), kAuctions);
  for (size_t i = 0; i < kAuctions; ++i) {
    const auto& [interval, data_end] = undisturbed.metering.asked[i];
    EXPECT_EQ(interval.start, undisturbed.Key(static_cast<int>(i)).delivery_start);
    EXPECT_EQ(interval.length(), absl::Minutes(15));
    EXPECT_EQ(data_end, interval.start - absl::Hours(1) - absl::Minutes(15)) << "an interval ago";
  }
  for (int call = 0; call < calls; ++call) {
    for (const bool after_effect : {false, true}) {
      World world;
      world.AddStandingOrders();
      world.settlement.balances[ParticipantId("p2")] = 120'000;
      world.weather.FailAt(call, after_effect);
      world.RunUntilDone(world.Key(kAuctions - 1).delivery_start - absl::Hours(1));
      EXPECT_EQ(Story(world, kAuctions), expected) << "call " << call << ", " << after_effect;
    }
  }
}

TEST(AuctionLifeTest, CatchesUpAfterAnOutage) {
  constexpr int kAuctions = 40;
  World steady;
  steady.AddStandingOrders();
  World late;
  late.AddStandingOrders();
  for (int i = 0; i < kAuctions; ++i) {
    steady.RunUntilDone(steady.Key(i).delivery_start - absl::Hours(1));
  }
  late.RunUntilDone(late.Key(kAuctions - 1).delivery_start - absl::Hours(1));
  EXPECT_EQ(Story(late, kAuctions), Story(steady, kAuctions));
  EXPECT_EQ(*late.view.GetProgress(late.community)->cleared_through,
            late.Key(kAuctions).delivery_start);
  // Open: all from the first unfinished to 24 h ahead.
  EXPECT_EQ(late.view.GetProgress(late.community)->open_auction_count,
            steady.view.GetProgress(steady.community)->open_auction_count);
}

TEST(AuctionLifeTest, TwoRunnersClearEachAuctionOnce) {
  constexpr int kAuctions = 60;
  World world;
  world.AddStandingOrders();
  World alone;
  alone.AddStandingOrders();
  alone.RunUntilDone(alone.Key(kAuctions - 1).delivery_start - absl::Hours(1));
  const absl::Time now = world.Key(kAuctions - 1).delivery_start - absl::Hours(1);
  const auto run = [&] {
    PostgresAuctionStore store(world.pool);
    BlindProbe probe;
    RulesBook rules(world.registry);
    GateClosure gate_closure(store, world.registry, world.metering, world.settlement, probe,
                             crypto::Sha256Hex);
    SoleReplica leases;
    Runner runner(rules, store, gate_closure, leases, probe);
    ASSERT_TRUE(rules.Refresh().ok());
    absl::Status status = absl::UnknownError("not run");
    for (int i = 0; i < 100 && !status.ok(); ++i) {
      status = runner.RunOnce(now, [] { return false; });
    }
    ASSERT_TRUE(status.ok()) << status;
  };
  std::thread other(run);
  run();
  other.join();
  EXPECT_EQ(Story(world, kAuctions), Story(alone, kAuctions));
}

TEST(AuctionLifeTest, OutcomesStopAtTheFirstAuctionThatIsNotFinal) {
  World world;
  world.AddStandingOrders();
  world.RunUntilDone(world.Key(1).delivery_start - absl::Hours(1));
  const auto outcomes =
      world.view.ListOutcomes(world.community, {world.start, world.start + absl::Hours(24)});
  ASSERT_EQ(outcomes->size(), 2u);
  EXPECT_EQ((*outcomes)[1].delivery_start, world.Key(1).delivery_start);
  EXPECT_EQ((*outcomes)[1].trades.size(), 2u);
  EXPECT_EQ((*outcomes)[1].trades[0].number, 1);
  EXPECT_TRUE(
      world.view.ListOutcomes(world.community, {world.Key(2).delivery_start, world.start +
                                                                                 absl::Hours(24)})
          ->empty());
}

TEST(AuctionLifeTest, OutcomesSayWhatTradesAreWorth) {
  World world;
  world.AddStandingOrders();
  world.RunUntilDone(world.Key(1).delivery_start - absl::Hours(1));
  const auto outcomes =
      world.view.ListOutcomes(world.community, {world.start, world.start + absl::Hours(24)});
  ASSERT_EQ(outcomes->size(), 2u);
  const Outcome& outcome = (*outcomes)[1];
  const auto auction = world.view.GetAuction(world.Key(1));
  ASSERT_TRUE(auction.ok()) << auction.status();
  EXPECT_GT(auction->welfare, Money());
  EXPECT_EQ(outcome.welfare, auction->welfare);
  ASSERT_EQ(outcome.gains.size(), outcome.trades.size());
  // In one zone without premiums, all that an auction gains is its parties'.
  int64_t gained = 0;
  for (size_t i = 0; i < outcome.trades.size(); ++i) {
    gained += outcome.trades[i].energy.wh() * outcome.gains[i].micros_per_kwh();
  }
  EXPECT_EQ(gained / 1000, auction->welfare.micros());
}

TEST(AuctionLifeTest, AnIdleTurnAsksNobody) {
  World world;
  world.RunUntilDone(world.start);
  world.weather.FailAt(-1, false);
  const int64_t before = world.pool.in_use();
  // With the database gone, only a turn that does not ask it can succeed.
  world.database.reset();
  EXPECT_TRUE(world.runner.RunOnce(world.start + absl::Minutes(14), [] { return false; }).ok());
  EXPECT_FALSE(world.runner.RunOnce(world.start + absl::Minutes(15), [] { return false; }).ok());
  EXPECT_EQ(world.weather.calls(), 0);
  EXPECT_EQ(world.pool.in_use(), before);
}

}  // namespace
}  // namespace peerwatt::market
