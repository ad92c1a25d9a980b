// Two replicas of the runner on one database: only the lease's holder writes.

#include <string>

#include <gtest/gtest.h>

#include "libs/postgres/leases.h"
#include "services/market/storage/community_leases.h"
#include "tests/postgres/market/peers.h"

namespace peerwatt::market {
namespace {

// A market process: leases, store and runner of its own.
struct Replica {
  Replica(World& world, const std::string& name, bool fenced = true)
      : held(world.pool, name, absl::Minutes(5)),
        leases(held),
        store(world.pool, fenced ? &leases : nullptr),
        rules(world.registry),
        gate_closure(store, world.registry, world.metering, world.settlement, probe,
                     crypto::Sha256Hex),
        runner(rules, store, gate_closure, leases, probe) {
    World::Require(rules.Refresh());
  }
  void Keep(const World& world) { World::Require(held.Keep({world.community.value()})); }
  absl::Status Run(absl::Time now) {
    return runner.RunOnce(now, [] { return false; });
  }

  postgres::Leases held;
  PostgresCommunityLeases leases;
  PostgresAuctionStore store;
  BlindProbe probe;
  RulesBook rules;
  GateClosure gate_closure;
  Runner runner;
};

class LeaseTest : public ::testing::Test {
 protected:
  LeaseTest() { world_.AddStandingOrders(); }

  // The old holder's term ends and the other replica takes over.
  void Steal(Replica& thief) {
    World::Require(world_.pool.Run([](pqxx::work& tx) {
      tx.exec("UPDATE leases SET expires_at = '-infinity'");
      return absl::OkStatus();
    }));
    thief.Keep(world_);
    ASSERT_TRUE(thief.held.TokenOf(world_.community.value()).has_value());
  }
  absl::Time GateClosure(int interval) {
    return world_.Key(interval).delivery_start - absl::Hours(1);
  }

  World world_;
};

TEST_F(LeaseTest, OnlyTheHolderRuns) {
  Replica a(world_, "a");
  Replica b(world_, "b");
  a.Keep(world_);
  b.Keep(world_);
  ASSERT_TRUE(b.Run(GateClosure(0)).ok());
  EXPECT_EQ(*world_.auctions.FirstUnfinished(world_.community), std::nullopt) << "b did nothing";
  ASSERT_TRUE(a.Run(GateClosure(0)).ok());
  EXPECT_EQ(world_.view.GetAuction(world_.Key())->state, AuctionState::kCleared);
  Steal(b);
  ASSERT_TRUE(b.Run(GateClosure(1)).ok());
  EXPECT_EQ(world_.view.GetAuction(world_.Key(1))->state, AuctionState::kCleared);
}

// Every write of the runner, made after the lease was stolen in the middle of the turn.
TEST_F(LeaseTest, AWriteAfterTheLeaseWasStolenIsRefused) {
  for (const bool fenced : {true, false}) {
    World world;
    world.AddStandingOrders();
    Replica a(world, "a", fenced);
    Replica b(world, "b");
    a.Keep(world);
    ASSERT_TRUE(a.Run(world.start - absl::Hours(24)).ok());
    const Auction open = **a.store.FirstUnfinished(world.community);
    ASSERT_TRUE(a.leases.Enter(world.community).has_value());
    World::Require(world.pool.Run([](pqxx::work& tx) {
      tx.exec("UPDATE leases SET expires_at = '-infinity'");
      return absl::OkStatus();
    }));
    b.Keep(world);
    const std::string expected = fenced ? "LEASE_LOST" : "";
    Auction next = open;
    next.key.delivery_start += absl::Hours(48);
    next.delivery_end += absl::Hours(48);
    next.gate_closure += absl::Hours(48);
    EXPECT_EQ(ReasonOf(a.store.OpenAuctions({next}, {})), expected);
    EXPECT_EQ(ReasonOf(a.gate_closure.Freeze(open)), expected);
    ASSERT_TRUE(b.leases.Enter(world.community).has_value());
    World::Require(b.gate_closure.Freeze(open));
    const Auction closed = **b.store.FirstUnfinished(world.community);
    EXPECT_EQ(ReasonOf(a.gate_closure.ClearBook(closed)), expected);
    World::Require(b.gate_closure.ClearBook(closed));
    const Auction cleared = **b.store.FirstUnfinished(world.community);
    EXPECT_EQ(ReasonOf(a.gate_closure.LowerHolds(cleared)), expected);
    World::Require(b.gate_closure.LowerHolds(cleared));
    EXPECT_EQ(world.view.GetAuction(world.Key())->version, 3);
  }
}

TEST_F(LeaseTest, AnOldHolderThatHoldsAgainLooksAgain) {
  Replica a(world_, "a");
  Replica b(world_, "b");
  a.Keep(world_);
  ASSERT_TRUE(a.Run(GateClosure(0)).ok());
  Steal(b);
  ASSERT_TRUE(b.Run(GateClosure(3)).ok());
  Steal(a);
  ASSERT_TRUE(a.Run(GateClosure(5)).ok());
  EXPECT_EQ(world_.view.GetAuction(world_.Key(5))->state, AuctionState::kCleared);
  EXPECT_EQ(*world_.view.GetProgress(world_.community)->cleared_through,
            world_.Key(6).delivery_start);
}

TEST_F(LeaseTest, TheRunnerStopsQuietlyWhenItsWriteIsRefused) {
  Replica a(world_, "a");
  a.Keep(world_);
  ASSERT_TRUE(a.Run(world_.start - absl::Hours(24)).ok());
  Replica b(world_, "b");
  Steal(b);
  ASSERT_TRUE(a.Run(GateClosure(0)).ok()) << "it believes that it holds the lease";
  EXPECT_EQ(a.probe.writes_refused, 1);
  EXPECT_EQ(world_.view.GetAuction(world_.Key())->state, AuctionState::kOpen);
  ASSERT_TRUE(b.Run(GateClosure(0)).ok());
  EXPECT_EQ(world_.view.GetAuction(world_.Key())->state, AuctionState::kCleared);
}

}  // namespace
}  // namespace peerwatt::market
