// Standing orders on PostgreSQL: versions, the cost of a day, what owners have already, plans and
// reports.

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "services/market/core/order_rules.h"
#include "tests/postgres/market/autopilot_fixture.h"

namespace peerwatt::market {
namespace {

Price Micros(int64_t micros) { return Price::MicrosPerKwh(micros); }

class AutopilotTest : public ::testing::Test {
 protected:
  PilotWorld world_;
};

TEST_F(AutopilotTest, TheVersionBeforeGateClosureCounts) {
  StandingOrder order = world_.Create(world_.Standing());
  world_.RunUntilDone(world_.GateClosure(0) - absl::Minutes(1));
  // The market is away over two gate closures; the owner changes the order in between.
  order.bid_price = Micros(310'000);
  order = world_.Change(order, world_.GateClosure(1) - absl::Microseconds(1));
  EXPECT_EQ(order.version, 2);
  order.bid_price = Micros(320'000);
  order = world_.Change(order, world_.GateClosure(1));
  world_.RunUntilDone(world_.GateClosure(2));
  EXPECT_EQ(world_.Find(0, "so-m1")->limit, Micros(300'000));
  EXPECT_EQ(world_.Find(1, "so-m1")->limit, Micros(310'000)) << "not what came at gate closure";
  EXPECT_EQ(world_.Find(2, "so-m1")->limit, Micros(320'000));
  const auto versions = *world_.pilot_view.ListVersions(
      world_.community, order.participant, order.id, 0, 10);
  ASSERT_EQ(versions.size(), 3u);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(versions[i].version, static_cast<int32_t>(i) + 1);
    EXPECT_EQ(versions[i].bid_price, Micros(300'000 + 10'000 * static_cast<int64_t>(i)));
  }
}

TEST_F(AutopilotTest, WhatEndsAfterGateClosureStillOrdered) {
  world_.Create(world_.Standing());
  world_.RunUntilDone(world_.GateClosure(0) - absl::Minutes(1));
  const auto cancelled = world_.orders.CancelStandingOrder(
      world_.community, ParticipantId("p1"), StandingOrderId("auto"), world_.GateClosure(0));
  ASSERT_TRUE(cancelled.ok());
  StandingOrder second = world_.Standing();
  second.id = StandingOrderId("second");
  second.create_time = world_.GateClosure(0) + absl::Seconds(1);
  second.bid_price = Micros(200'000);
  world_.Create(second);
  world_.RunUntilDone(world_.GateClosure(1));
  EXPECT_EQ(world_.Find(0, "so-m1")->standing_order.value(), "auto");
  EXPECT_EQ(world_.Find(1, "so-m1")->standing_order.value(), "second");
  EXPECT_EQ(world_.pilot_view
                .ListVersions(world_.community, ParticipantId("p1"), StandingOrderId("auto"), 0, 10)
                ->size(),
            1u)
      << "it ended in its first version";
}

TEST_F(AutopilotTest, ChangesAreVersionsAndSafeToRepeat) {
  StandingOrder order = world_.Create(world_.Standing());
  order.terms.offer_share_ppm = 500'000;
  const absl::Time now = world_.start - absl::Hours(40);
  const auto change = [&](int32_t expected) {
    return world_.desk.ChangeStanding(order, expected, now);
  };
  EXPECT_EQ(change(1)->version, 2);
  EXPECT_EQ(change(1)->version, 2) << "a retry makes no version";
  order.terms.offer_share_ppm = 600'000;
  EXPECT_EQ(ReasonOf(change(1).status()), "STANDING_ORDER_VERSION_STALE");
  EXPECT_EQ(change(2)->version, 3);
  EXPECT_GT(change(0)->version_time, now) << "after the version before it, whatever the clock says";
  order.terms.offer_share_ppm = 2'000'000;
  EXPECT_EQ(ReasonOf(change(0).status()), "TERMS_INVALID");
  order.terms.offer_share_ppm = 0;
  order.bid_price = Micros(400'001);
  EXPECT_EQ(ReasonOf(change(0).status()), "PRICE_OUT_OF_RANGE");
  order.id = StandingOrderId("nine");
  order.bid_price = Micros(1);
  EXPECT_EQ(ReasonOf(change(0).status()), "NOT_FOUND");
  World::Require(world_.orders
                     .CancelStandingOrder(world_.community, order.participant,
                                          StandingOrderId("auto"), now)
                     .status());
  order.id = StandingOrderId("auto");
  EXPECT_EQ(ReasonOf(change(0).status()), "STANDING_ORDER_ENDED");
}

TEST_F(AutopilotTest, PausedItOrdersNothing) {
  world_.Create(world_.Standing());
  const auto set = [&](bool paused, absl::Time now) {
    World::Require(world_.desk
                       .PauseStanding(world_.community, ParticipantId("p1"),
                                      StandingOrderId("auto"), paused, now)
                       .status());
  };
  set(true, world_.GateClosure(0) - absl::Minutes(5));
  world_.RunUntilDone(world_.GateClosure(0));
  set(false, world_.GateClosure(1) - absl::Minutes(5));
  world_.RunUntilDone(world_.GateClosure(1));
  EXPECT_FALSE(world_.Find(0, "so-m1").has_value());
  EXPECT_TRUE(world_.Find(1, "so-m1").has_value());
}

TEST_F(AutopilotTest, FillsUpWhatItsOwnerOrderedByHand) {
  world_.Create(world_.Standing());
  world_.RunUntilDone(world_.start - absl::Hours(3));
  Order bid;
  bid.auction = world_.Key();
  bid.id = OrderId("b1");
  bid.participant = ParticipantId("p1");
  bid.metering_point = MeteringPointId("m1");
  bid.energy = Energy::WattHours(150);
  bid.limit = Micros(200'000);
  World::Require(world_.desk.Create(bid, false, world_.start - absl::Hours(3)).status());
  bid.auction = world_.Key(1);
  bid.energy = Energy::WattHours(400);
  World::Require(world_.desk.Create(bid, false, world_.start - absl::Hours(3)).status());
  bid.id = OrderId("b2");
  bid.auction = world_.Key(2);
  World::Require(world_.desk.Create(bid, false, world_.start - absl::Hours(3)).status());
  World::Require(world_.desk
                     .Cancel(bid.auction, bid.id, bid.participant, world_.start - absl::Hours(3))
                     .status());
  world_.RunUntilDone(world_.GateClosure(2));
  EXPECT_EQ(world_.Find(0, "so-m1")->energy.wh(), 250);
  EXPECT_FALSE(world_.Find(1, "so-m1").has_value());
  EXPECT_EQ(world_.Find(2, "so-m1")->energy.wh(), 400) << "a withdrawn order is no commitment";
}

TEST_F(AutopilotTest, PreferencesBeyondWhatCanBeClearedAreLeftOut) {
  StandingOrder order = world_.Standing();
  order.terms.bid_preference = "partners=p9; premium local";
  order.terms.premium = Micros(10'000);
  world_.Create(order);
  world_.RunUntilDone(world_.GateClosure(0) - absl::Minutes(1));
  // Orders placed by hand for the first delivery have as many wishes as an auction takes.
  ASSERT_TRUE(world_.pool
                  .Run([&](pqxx::work& tx) {
                    tx.exec(absl::StrCat(
                        "INSERT INTO auction_preferences (community_id, delivery_start_at, side, "
                        "premium_micros, preference_sha256, name_count) SELECT community_id, "
                        "delivery_start_at, 'BID', 0, sha256(n::text::bytea), 0 "
                        "FROM auctions, generate_series(1, ",
                        kPreferencesMax, ") AS n WHERE delivery_start_at = '",
                        postgres::ToSql(world_.Key(0).delivery_start), "'"));
                    return absl::OkStatus();
                  })
                  .ok());
  world_.RunUntilDone(world_.GateClosure(1));
  EXPECT_FALSE(world_.Find(0, "so-m1").has_value());
  EXPECT_TRUE(world_.Find(1, "so-m1").has_value());
}

TEST_F(AutopilotTest, CarriesPreferencesIntoItsOrders) {
  StandingOrder order = world_.Standing();
  order.terms.bid_preference = "partners=p9; premium local";
  order.terms.premium = Micros(20'000);
  world_.Create(order);
  world_.Create(world_.Standing("p3", "m4"));
  world_.RunUntilDone(world_.GateClosure(0));
  const std::optional<Order> placed = world_.Find(0, "so-m1");
  EXPECT_EQ(placed->preference, order.terms.bid_preference);
  EXPECT_EQ(placed->premium, Micros(20'000));
  EXPECT_EQ(placed->hold.micros(), 400 * 370);
  EXPECT_EQ(placed->state, OrderState::kExpired) << "p3 is none of its partners";
}

// What the orders of a standing order can cost at worst at this moment, by delivery day in Berlin.
std::map<absl::CivilDay, int64_t> WorstCosts(PilotWorld& world, int auctions,
                                             const std::string& id) {
  absl::TimeZone zone;
  EXPECT_TRUE(absl::LoadTimeZone("Europe/Berlin", &zone));
  std::map<absl::CivilDay, int64_t> costs;
  for (int i = 0; i < auctions; ++i) {
    const std::optional<Order> order = world.Find(i, id);
    if (!order.has_value()) {
      continue;
    }
    const bool is_open =
        order->state == OrderState::kPending || order->state == OrderState::kActive;
    const int64_t filled = is_open ? order->energy.wh() : order->filled.wh();
    costs[absl::ToCivilDay(order->auction.delivery_start, zone)] +=
        (order->hold.micros() * filled + order->energy.wh() - 1) / order->energy.wh();
  }
  return costs;
}

TEST_F(AutopilotTest, ADayCostsNoMoreThanItsBound) {
  StandingOrder order = world_.Standing();
  order.terms.daily_cost_max = Money::Micros(1'000'000);
  world_.Create(order);
  world_.Create(world_.Standing("p3", "m4"));
  // 9 o'clock to the next noon: 60 quarter-hours are left of the first day.
  constexpr int kAuctions = 108;
  for (int i = 0; i < kAuctions; ++i) {
    world_.RunUntilDone(world_.GateClosure(i));
    for (const auto& [day, cost] : WorstCosts(world_, i + 1, "so-m1")) {
      EXPECT_LE(cost, 1'000'000) << day << " after " << i;
    }
  }
  // Each interval trades 400 Wh, which cost at most 0.14: seven in full, then what is left.
  EXPECT_EQ(world_.Find(6, "so-m1")->energy.wh(), 400);
  EXPECT_EQ(world_.Find(7, "so-m1")->energy.wh(), 57);
  EXPECT_FALSE(world_.Find(8, "so-m1").has_value());
  EXPECT_FALSE(world_.Find(59, "so-m1").has_value());
  EXPECT_EQ(world_.Find(60, "so-m1")->energy.wh(), 400) << "a new day, from local midnight on";
  EXPECT_EQ(world_.Find(60, "so-m1")->auction.delivery_start, world_.start + absl::Hours(15));
}

TEST_F(AutopilotTest, OrdersThatDoNotTradeCostNothing) {
  StandingOrder order = world_.Standing();
  order.terms.daily_cost_max = Money::Micros(150'000);
  world_.Create(order);
  for (int i = 0; i < 12; ++i) {
    world_.RunUntilDone(world_.GateClosure(i));
    EXPECT_EQ(world_.Find(i, "so-m1")->energy.wh(), 400) << i;
    EXPECT_EQ(world_.Find(i, "so-m1")->state, OrderState::kExpired) << i;
  }
  EXPECT_EQ(world_.Count("autopilot_reservations"), 1) << "the last one's, until the next order";
  EXPECT_EQ(world_.Count("autopilot_costs"), 0);
}

TEST_F(AutopilotTest, CostsAreTheSameAfterAnOutage) {
  const auto story = [](PilotWorld& world) {
    std::string told;
    for (int i = 0; i < 20; ++i) {
      const std::optional<Order> order = world.Find(i, "so-m1");
      absl::StrAppend(&told, order.has_value() ? order->energy.wh() : 0, " ");
    }
    return told;
  };
  PilotWorld late;
  for (PilotWorld* world : {&world_, &late}) {
    StandingOrder order = world->Standing();
    order.terms.daily_cost_max = Money::Micros(2'000'000);
    world->Create(order);
    world->Create(world->Standing("p3", "m4"));
  }
  for (int i = 0; i < 20; ++i) {
    world_.RunUntilDone(world_.GateClosure(i));
  }
  late.RunUntilDone(late.GateClosure(19));
  EXPECT_EQ(story(late), story(world_));
  EXPECT_NE(story(late).find("400 114 0"), std::string::npos) << story(late);
}

// Plans.

class PlanTest : public ::testing::Test {
 protected:
  PlanTest() { world_.AddStandingOrders(); }
  std::vector<DayPlan> Plans(PilotWorld& world, const std::string& participant = "p1") {
    return *world.pilot_view.ListPlans(world.community, ParticipantId(participant),
                                       StandingOrderId("auto"),
                                       {world.start - absl::Hours(100),
                                        world.start + absl::Hours(100)});
  }
  // 20:00 in Berlin on the day that the world starts, and the midnight after it.
  absl::Time Evening() const { return world_.start + absl::Hours(11); }
  absl::Time Midnight() const { return world_.start + absl::Hours(15); }

  PilotWorld world_;
};

TEST_F(PlanTest, AreMadeInTheEveningForTomorrow) {
  world_.PlanUntilDone(Evening() - absl::Seconds(1));
  EXPECT_TRUE(Plans(world_).empty());
  world_.PlanUntilDone(Evening());
  const std::vector<DayPlan> plans = Plans(world_);
  ASSERT_EQ(plans.size(), 1u);
  EXPECT_EQ(plans[0].day, (Interval{Midnight(), Midnight() + absl::Hours(24)}));
  EXPECT_EQ(plans[0].plan_time, Evening());
  ASSERT_EQ(plans[0].intervals.size(), 96u);
  EXPECT_EQ(plans[0].intervals[95],
            (PlannedInterval{SizingReason::kOrders, Energy::WattHours(-400),
                             Energy::WattHours(400), Micros(300'000), Money::Micros(140'000)}));
  EXPECT_EQ(Plans(world_, "p3")[0].intervals[0].forecast.wh(), 500);
  EXPECT_EQ(world_.day_forecasts.asked.at(0).second, Evening() - absl::Minutes(15));
}

TEST_F(PlanTest, StayAsTheyAre) {
  world_.PlanUntilDone(Evening());
  const std::vector<DayPlan> before = Plans(world_);
  world_.metering.forecasts[MeteringPointId("m1")].imported = Energy::WattHours(999);
  StandingOrder order = world_.Standing();
  order.bid_price = Micros(100'000);
  world_.Change(order, Evening() + absl::Minutes(1));
  EveningPlanner restarted(world_.rules, world_.leases, world_.auctions, world_.store,
                           world_.registry, world_.day_forecasts, PilotWorld::kEvening);
  ASSERT_TRUE(restarted.RunOnce(Evening() + absl::Hours(1), [] { return false; }).ok());
  EXPECT_EQ(Plans(world_), before);
  world_.PlanUntilDone(Evening() + absl::Hours(24));
  ASSERT_EQ(Plans(world_).size(), 2u);
  EXPECT_EQ(Plans(world_)[1].version, 2);
  EXPECT_EQ(Plans(world_)[1].intervals[0].energy.wh(), 999);
}

TEST_F(PlanTest, AreTheSameWhateverCallToAPeerFails) {
  world_.weather.FailAt(-1, false);
  world_.PlanUntilDone(Evening());
  ASSERT_EQ(world_.weather.calls(), 2) << "snapshot and forecasts";
  for (int call = 0; call < 2; ++call) {
    for (const bool after_effect : {false, true}) {
      PilotWorld world;
      world.AddStandingOrders();
      world.weather.FailAt(call, after_effect);
      EXPECT_FALSE(world.planner.RunOnce(Evening(), [] { return false; }).ok());
      EXPECT_EQ(world.Count("autopilot_planned_days"), 0);
      world.PlanUntilDone(Evening() + absl::Minutes(3));
      EXPECT_EQ(Plans(world), Plans(world_)) << call << after_effect;
    }
  }
}

TEST_F(PlanTest, ALateEveningPlansTheSame) {
  world_.PlanUntilDone(Midnight() - absl::Microseconds(1));
  const std::vector<DayPlan> late = Plans(world_);
  ASSERT_EQ(late.size(), 1u);
  EXPECT_EQ(late[0].plan_time, Evening());
  // A day that has begun is planned no more: what it will do is what it does.
  PilotWorld later;
  later.AddStandingOrders();
  later.PlanUntilDone(Midnight());
  EXPECT_TRUE(Plans(later).empty());
  later.PlanUntilDone(Evening() + absl::Hours(24));
  EXPECT_EQ(Plans(later).size(), 1u);
}

TEST_F(PlanTest, TwoReplicasPlanOnce) {
  const auto run = [&] {
    RulesBook rules(world_.registry);
    SoleReplica leases;
    PostgresAutopilotStore store(world_.pool);
    PostgresAuctionStore auctions(world_.pool);
    EveningPlanner planner(rules, leases, auctions, store, world_.registry, world_.day_forecasts,
                           PilotWorld::kEvening);
    ASSERT_TRUE(rules.Refresh().ok());
    ASSERT_TRUE(planner.RunOnce(Evening(), [] { return false; }).ok());
  };
  std::thread other(run);
  run();
  other.join();
  EXPECT_EQ(world_.Count("autopilot_plans"), 3);
  EXPECT_EQ(world_.Count("autopilot_planned_days"), 1);
}

TEST_F(PlanTest, OnlyTheHolderOfTheLeaseKeepsPlans) {
  postgres::Leases held(world_.pool, "a", absl::Minutes(5));
  PostgresCommunityLeases leases(held);
  PostgresAutopilotStore store(world_.pool, &leases);
  EveningPlanner planner(world_.rules, leases, world_.auctions, store, world_.registry,
                         world_.day_forecasts, PilotWorld::kEvening);
  ASSERT_TRUE(planner.RunOnce(Evening(), [] { return false; }).ok());
  EXPECT_EQ(world_.Count("autopilot_plans"), 0) << "it holds no lease";
  EXPECT_EQ(ReasonOf(store.MarkPlanned(world_.community, Midnight(), Evening())), "LEASE_LOST");
  World::Require(held.Keep({world_.community.value()}));
  ASSERT_TRUE(planner.RunOnce(Evening(), [] { return false; }).ok());
  EXPECT_EQ(world_.Count("autopilot_plans"), 3);
}

TEST_F(PlanTest, StandBesideWhatWasDone) {
  world_.PlanUntilDone(Evening());
  // Tomorrow it draws less than was expected.
  world_.metering.forecasts[MeteringPointId("m1")].imported = Energy::WattHours(250);
  world_.RunUntilDone(Midnight() + absl::Minutes(15));
  ReportInput input =
      *world_.pilot_view.ReadReport(world_.community, ParticipantId("p1"), StandingOrderId("auto"),
                                    {Midnight(), Midnight() + absl::Hours(24)});
  input.tariffs = world_.tariffs.book;
  const std::vector<ReportedInterval> report = MakeReport(input);
  ASSERT_EQ(report.size(), 96u);
  const Deeds& first = report[0].deeds;
  EXPECT_EQ(first.planned_to_buy.wh(), 400);
  EXPECT_EQ(first.ordered_to_buy.wh(), 250);
  EXPECT_EQ(first.bought.wh(), 250);
  // p2 sets the price, 0.28, and the network takes 0.05; the main grid charges 0.32.
  EXPECT_EQ(first.paid.micros(), 250 * 330);
  EXPECT_EQ(first.saved.micros(), -250 * 10);
  EXPECT_EQ(report[6].deeds.ordered_to_buy, Energy()) << "not yet";
}

}  // namespace
}  // namespace peerwatt::market
