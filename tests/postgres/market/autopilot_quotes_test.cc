// Ramps: standing orders that quote while an auction is open.

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "services/market/core/autopilot/ramp.h"
#include "tests/postgres/market/autopilot_fixture.h"

namespace peerwatt::market {
namespace {

Price Micros(int64_t micros) { return Price::MicrosPerKwh(micros); }

// p1 bids from 0.10 to 0.30 for 400 Wh; p3 offers 500 Wh at gate closure.
struct RampWorld : PilotWorld {
  RampWorld() {
    StandingOrder order = Standing();
    order.terms.bid_start_price = Micros(100'000);
    Create(order);
    Create(Standing("p3", "m4"));
    RunUntilDone(Step(0));
  }
  // When a step of the first auction begins.
  absl::Time Step(int step) const {
    return RampStepStart({start - absl::Hours(24), start - absl::Hours(1)}, step);
  }
  // The orders of p1 in the first auction, and the money held for each.
  std::string Quotes() {
    std::string told;
    const std::vector<Order> all = *auctions.OrdersOf(Key());
    for (const Order& order : all) {
      if (order.participant == ParticipantId("p1")) {
        absl::StrAppend(&told, order.id.value(), " ", order.energy.wh(), " at ",
                        FormatMicros(order.limit.micros_per_kwh()), " state ",
                        static_cast<int>(order.state), " held ",
                        settlement.HeldFor(Key().delivery_start, order.id.value()), "\n");
      }
    }
    return told;
  }
};

constexpr int kActive = static_cast<int>(OrderState::kActive);
constexpr int kCancelled = static_cast<int>(OrderState::kCancelled);
constexpr int kFilled = static_cast<int>(OrderState::kFilled);

TEST(QuoterTest, EachStepTakesThePlaceOfTheLast) {
  RampWorld world;
  world.QuoteUntilDone(world.Step(0));
  EXPECT_EQ(world.Quotes(),
            absl::StrCat("so-0-m1 400 at 0.10 state ", kActive, " held 60000\n"));
  world.QuoteUntilDone(world.Step(1) - absl::Microseconds(1));
  EXPECT_EQ(world.Quotes(),
            absl::StrCat("so-0-m1 400 at 0.10 state ", kActive, " held 60000\n"));
  world.QuoteUntilDone(world.Step(1));
  EXPECT_EQ(world.Quotes(),
            absl::StrCat("so-0-m1 400 at 0.10 state ", kCancelled, " held 0\n",
                         "so-1-m1 400 at 0.125 state ", kActive, " held 70000\n"));
  EXPECT_FALSE(world.Find(0, "so-0-m4").has_value()) << "p3 has no ramp";
  world.RunUntilDone(world.GateClosure(0));
  EXPECT_EQ(world.Quotes(),
            absl::StrCat("so-0-m1 400 at 0.10 state ", kCancelled, " held 0\n",
                         "so-1-m1 400 at 0.125 state ", kCancelled, " held 0\n",
                         "so-m1 400 at 0.30 state ", kFilled, " held 52000\n"));
}

TEST(QuoterTest, EveryStepOfAnAuctionIsQuotedWhenTheClockPassesIt) {
  RampWorld world;
  for (absl::Time now = world.Step(0); now < world.Step(8); now += absl::Minutes(5)) {
    world.RunUntilDone(now);
    world.QuoteUntilDone(now);
  }
  for (int step = 0; step < kRampSteps; ++step) {
    const auto quote = world.Find(0, absl::StrCat("so-", step, "-m1"));
    ASSERT_TRUE(quote.has_value()) << step;
    EXPECT_EQ(quote->limit, Micros(100'000 + 25'000 * step));
    EXPECT_LT(quote->create_time - world.Step(step), absl::Minutes(5));
  }
}

TEST(QuoterTest, AnOutageLeavesStepsOut) {
  RampWorld world;
  world.QuoteUntilDone(world.Step(0));
  world.QuoteUntilDone(world.Step(5) + absl::Minutes(1));
  EXPECT_EQ(world.Quotes(),
            absl::StrCat("so-0-m1 400 at 0.10 state ", kCancelled, " held 0\n",
                         "so-5-m1 400 at 0.225 state ", kActive, " held 110000\n"));
  world.QuoteUntilDone(world.GateClosure(0) + absl::Minutes(1));
  EXPECT_FALSE(world.Find(0, "so-7-m1").has_value()) << "the gate has closed";
}

TEST(QuoterTest, EndsTheSameWhateverCallToAPeerFails) {
  RampWorld undisturbed;
  undisturbed.QuoteUntilDone(undisturbed.Step(0));
  undisturbed.weather.FailAt(-1, false);
  undisturbed.QuoteUntilDone(undisturbed.Step(1));
  const int calls = undisturbed.weather.calls();
  ASSERT_EQ(calls, 4) << "snapshot, forecasts, release and holds";
  for (int call = 0; call < calls; ++call) {
    for (const bool after_effect : {false, true}) {
      RampWorld world;
      world.QuoteUntilDone(world.Step(0));
      world.weather.FailAt(call, after_effect);
      EXPECT_FALSE(world.quoter.RunOnce(world.Step(1), [] { return false; }).ok()) << call;
      world.QuoteUntilDone(world.Step(1));
      EXPECT_EQ(world.Quotes(), undisturbed.Quotes()) << call << after_effect;
    }
  }
}

TEST(QuoterTest, AProcessThatEndsInBetweenLeavesNothingBehind) {
  RampWorld undisturbed;
  undisturbed.QuoteUntilDone(undisturbed.Step(0));
  undisturbed.QuoteUntilDone(undisturbed.Step(1));
  undisturbed.RunUntilDone(undisturbed.GateClosure(0));
  for (int call = 0; call < 4; ++call) {
    RampWorld world;
    world.QuoteUntilDone(world.Step(0));
    world.weather.FailAt(call, false);
    ASSERT_FALSE(world.quoter.RunOnce(world.Step(1), [] { return false; }).ok());
    Quoter restarted(world.rules, world.leases, world.auctions, world.store, world.registry,
                     world.metering, world.settlement, world.desk);
    ASSERT_TRUE(restarted.RunOnce(world.Step(1), [] { return false; }).ok());
    World::Require(world.desk.Sweep(world.community, world.Step(1) + absl::Minutes(1)).status());
    EXPECT_EQ(world.Find(0, "so-1-m1")->state, OrderState::kActive) << call;
    world.RunUntilDone(world.GateClosure(0));
    EXPECT_EQ(world.Quotes(), undisturbed.Quotes()) << call;
  }
}

TEST(QuoterTest, TwoReplicasQuoteEachStepOnce) {
  RampWorld world;
  const auto run = [&](int step) {
    RulesBook rules(world.registry);
    SoleReplica leases;
    PostgresAutopilotStore store(world.pool);
    PostgresAuctionStore auctions(world.pool);
    Quoter quoter(rules, leases, auctions, store, world.registry, world.metering, world.settlement,
                  world.desk);
    ASSERT_TRUE(rules.Refresh().ok());
    ASSERT_TRUE(quoter.RunOnce(world.Step(step), [] { return false; }).ok());
  };
  for (int step = 0; step < kRampSteps; ++step) {
    std::thread other(run, step);
    run(step);
    other.join();
  }
  const std::vector<Order> orders = *world.auctions.OrdersOf(world.Key());
  EXPECT_EQ(orders.size(), 8u);
  int64_t held = 0;
  for (const Order& order : orders) {
    held += std::max<int64_t>(0, world.settlement.HeldFor(world.start, order.id.value()));
  }
  EXPECT_EQ(held, 400 * 325) << "only the last one's";
}

TEST(QuoterTest, AQuoteEndsWithItsStandingOrder) {
  RampWorld world;
  world.QuoteUntilDone(world.Step(0));
  World::Require(world.orders
                     .CancelStandingOrder(world.community, ParticipantId("p1"),
                                          StandingOrderId("auto"),
                                          world.Step(0) + absl::Minutes(1))
                     .status());
  world.QuoteUntilDone(world.Step(1));
  EXPECT_EQ(world.Quotes(),
            absl::StrCat("so-0-m1 400 at 0.10 state ", kCancelled, " held 0\n"));
}

TEST(QuoterTest, QuotesKeepTheCostOfTheDay) {
  RampWorld world;
  StandingOrder order = world.Standing();
  order.terms.bid_start_price = Micros(100'000);
  order.terms.daily_cost_max = Money::Micros(65'000);
  world.Change(order, world.Step(0) - absl::Minutes(1));
  world.QuoteUntilDone(world.Step(0));
  EXPECT_EQ(world.Find(0, "so-0-m1")->hold.micros(), 60'000);
  world.QuoteUntilDone(world.Step(1));
  EXPECT_EQ(world.Find(0, "so-1-m1")->energy.wh(), 371) << "0.065 at 0.175; the first gave back";
  world.RunUntilDone(world.GateClosure(0));
  EXPECT_EQ(world.Find(0, "so-m1")->energy.wh(), 185) << "0.065 at 0.35";
}

TEST(QuoterTest, AHaltedMarketIsNotQuoted) {
  RampWorld world;
  World::Require(world.pool.Run([](pqxx::work& tx) {
    tx.exec("INSERT INTO market_controls (community_id, halted, halt_reason) "
            "VALUES ('c1', true, 'storm')");
    return absl::OkStatus();
  }));
  world.QuoteUntilDone(world.Step(0));
  EXPECT_EQ(world.Quotes(), "");
}

}  // namespace
}  // namespace peerwatt::market
