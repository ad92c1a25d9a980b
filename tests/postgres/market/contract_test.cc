// Contracts from offer to trade in a real database.

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "services/market/core/replay.h"
#include "tests/postgres/market/contract_world.h"

namespace peerwatt::market {
namespace {

absl::Time GateOf(const World& world, int auction) {
  return world.Key(auction).delivery_start - absl::Hours(1);
}

TEST(ContractTest, ExecutesBesideTheAuctionAndSettlementSeesIt) {
  World world;
  world.AddStandingOrders();
  Agreements agreements(world);
  world.settlement.balances[ParticipantId("p2")] = 0;
  agreements.AgreeOnMany();
  world.RunUntilDone(GateOf(world, 0));
  // p3 feeds in 500 Wh net, of which contracts sell 310 and the standing order offers the rest,
  // 190; p1 draws 400 and has bought 260: 140 remain. p2 cannot pay, neither contract nor bid.
  EXPECT_EQ(ContractStory(world, 1),
            "0 final 1 energy 140\n"
            "  ct-fixed-b 3 100 of 100 held 25000 \n"
            "  ct-fixed-o 3 100 of 100 held -1 \n"
            "  ct-indexed-b 3 60 of 60 held 7200 \n"
            "  ct-indexed-o 3 60 of 60 held -1 \n"
            "  ct-poor-b 6 0 of 50 held -1 FUNDS_INSUFFICIENT\n"
            "  ct-poor-o 6 0 of 50 held -1 COUNTER_ORDER_REFUSED\n"
            "  ct-share-b 3 100 of 100 held 20000 \n"
            "  ct-share-o 3 100 of 100 held -1 \n"
            "  so-m1 3 140 of 140 held 18200 \n"
            "  so-m2 6 0 of 250 held -1 FUNDS_INSUFFICIENT\n"
            "  so-m4 4 140 of 190 held -1 \n"
            "  t1 0 so-m1 140 at 80000\n"
            "  t2 2 ct-fixed-b 100 at 200000\n"
            "  t3 2 ct-indexed-b 60 at 70000\n"
            "  t4 2 ct-share-b 100 at 150000\n"
            "fixed\n1 100 1 t2 200000\n"
            "indexed\n1 60 1 t3 70000\n"
            "poor\n1 50 2 FUNDS_INSUFFICIENT\n"
            "share\n1 100 1 t4 150000\n"
            "too-much\n1 1000 2 EXPORT_CAPACITY_EXCEEDED\n"
            "holds 4\n");
  const std::vector<Outcome> outcomes =
      *world.view.ListOutcomes(world.community, {world.start, world.start + absl::Hours(1)});
  ASSERT_EQ(outcomes.size(), 1u);
  ASSERT_EQ(outcomes[0].trades.size(), 4u) << "like any other";
  EXPECT_EQ(outcomes[0].trades[3].seller.value(), "p3");
  EXPECT_EQ(outcomes[0].trades[3].network_fee.micros_per_kwh(), 50'000);
  EXPECT_EQ(outcomes[0].trades[3].origin, TradeOrigin::kContract);
}

TEST(ContractTest, EndsTheSameWhateverCallToAPeerFails) {
  constexpr int kAuctions = 2;
  const auto run = [](World& world, int call, bool after_effect) {
    world.AddStandingOrders();
    Agreements(world).AgreeOnMany();
    world.settlement.balances[ParticipantId("p2")] = 60'000;  // Too little for all.
    world.weather.FailAt(call, after_effect);
    world.RunUntilDone(GateOf(world, kAuctions - 1));
    return ContractStory(world, kAuctions);
  };
  World undisturbed;
  const std::string expected = run(undisturbed, -1, false);
  EXPECT_NE(expected.find("FUNDS_INSUFFICIENT"), std::string::npos) << expected;
  const int calls = undisturbed.weather.calls();
  ASSERT_EQ(calls, 4 * kAuctions) << "no more than without contracts";
  for (int call = 0; call < calls; ++call) {
    for (const bool after_effect : {false, true}) {
      World world;
      EXPECT_EQ(run(world, call, after_effect), expected) << "call " << call << after_effect;
    }
  }
}

TEST(ContractTest, TwoRunnersExecuteEachOnce) {
  constexpr int kAuctions = 30;
  World alone;
  Agreements(alone).AgreeOnMany();
  alone.RunUntilDone(GateOf(alone, kAuctions - 1));
  World world;
  Agreements(world).AgreeOnMany();
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
      status = runner.RunOnce(GateOf(world, kAuctions - 1), [] { return false; });
    }
    ASSERT_TRUE(status.ok()) << status;
  };
  std::thread other(run);
  run();
  other.join();
  EXPECT_EQ(ContractStory(world, kAuctions), ContractStory(alone, kAuctions));
}

TEST(ContractTest, CountsFromTheFirstGateThatClosesAfterItsAcceptance) {
  World world;
  Agreements agreements(world);
  const ContractTerms terms = EveryInterval(world, 100, 200'000);
  ASSERT_TRUE(agreements.Offer("k1", "p1", terms, world.start - absl::Hours(3)).ok());
  world.RunUntilDone(GateOf(world, 0));
  ASSERT_TRUE(agreements.Accept("k1", "p1", GateOf(world, 1)).ok()) << "at gate closure: too late";
  world.RunUntilDone(GateOf(world, 3));
  EXPECT_EQ(agreements.Told("k1"), "1 100 1 t1 200000\n1 100 1 t1 200000\n");
  EXPECT_TRUE(world.auctions.TradesOf(world.Key(1))->empty());
  EXPECT_EQ(world.auctions.TradesOf(world.Key(2))->size(), 1u);
}

TEST(ContractTest, AmendsAndCancelsForOpenGatesOnly) {
  World world;
  Agreements agreements(world);
  agreements.Agree("k1", "p1", EveryInterval(world, 100, 200'000));
  world.RunUntilDone(GateOf(world, 1));
  const absl::Time now = GateOf(world, 1) + absl::Minutes(1);
  ContractTerms cheaper = EveryInterval(world, 80, 150'000);
  cheaper.valid_from = world.Key(1).delivery_start;
  EXPECT_EQ(ReasonOf(agreements.desk.Amend(agreements.By("p1", "k1", now), 2, cheaper).status()),
            "GATE_CLOSED");
  // Even when the clock of the caller's replica goes wrong, a frozen book stands.
  EXPECT_EQ(
      ReasonOf(agreements.desk.Amend(agreements.By("p1", "k1", now - absl::Hours(2)), 2, cheaper)
                   .status()),
      "GATE_CLOSED");
  cheaper.valid_from = world.Key(2).delivery_start;
  ASSERT_TRUE(agreements.desk.Amend(agreements.By("p1", "k1", now), 2, cheaper).ok());
  EXPECT_EQ(
      ReasonOf(agreements.desk.Accept(agreements.By("p3", "k1", now), 2, MeteringPointId("m4"))
                   .status()),
      "FIELD_INVALID");
  ASSERT_TRUE(agreements.desk.Accept(agreements.By("p3", "k1", now), 2, MeteringPointId()).ok());
  world.RunUntilDone(GateOf(world, 2));
  const auto cancelled = agreements.desk.Cancel(
      agreements.By("p1", "k1", GateOf(world, 2) + absl::Minutes(1)), "moving");
  ASSERT_TRUE(cancelled.ok()) << cancelled.status();
  EXPECT_EQ(cancelled->cancellation->effective, world.Key(3).delivery_start);
  world.RunUntilDone(GateOf(world, 6));
  EXPECT_EQ(agreements.Told("k1"), "1 100 1 t1 200000\n1 100 1 t1 200000\n2 80 1 t1 150000\n");
  const Contract kept = *agreements.store.Get(world.community, ContractId("k1"));
  EXPECT_EQ(kept.versions.size(), 2u);
  EXPECT_EQ(kept.versions[0].terms, EveryInterval(world, 100, 200'000)) << "nothing is edited";
  EXPECT_EQ(kept.versions[1].terms, cheaper);
}

TEST(ContractTest, KeepsEveryWordOfItsTerms) {
  World world;
  Agreements agreements(world);
  ContractTerms terms = EveryInterval(world, 100, 200'000);
  terms.profile.holidays = {absl::CivilDay(2027, 1, 1), absl::CivilDay(2027, 12, 25)};
  ContractWindow share;
  share.on_holidays = true;
  share.dates = {absl::CivilDay(2027, 2, 28), absl::CivilDay(2028, 2, 29)};
  share.start_minute = 615;
  share.end_minute = 1439;
  share.output_share_ppm = 123'456;
  terms.profile.windows.push_back(share);
  terms.price.is_indexed = true;
  terms.price.index = Party::kBuyer;
  terms.price.factor_ppm = 987'654;
  terms.price.offset = Price::MicrosPerKwh(-1);
  terms.price.floor = Price::MicrosPerKwh(0);
  terms.price.fallback = Price::MicrosPerKwh(77);
  terms.cancellation = {CancellationRight::kSeller, 90, CancellationEffect::kEndOfMonth};
  agreements.Agree("k1", "p1", terms);
  const Contract kept = *agreements.store.Get(world.community, ContractId("k1"));
  EXPECT_EQ(kept.offer().terms, terms);
  EXPECT_EQ(kept.buyer_point.value(), "m1");
  EXPECT_EQ(kept.seller_point.value(), "m4");
}

TEST(ContractTest, ParametersAreCheckedAndRepeatsAnswerTheSame) {
  World world;
  Agreements agreements(world);
  const ContractTerms terms = EveryInterval(world, 100, 200'000);
  const absl::Time now = world.start - absl::Hours(48);
  ASSERT_TRUE(agreements.Offer("k1", "p1", terms, now).ok());
  EXPECT_TRUE(agreements.Offer("k1", "p1", terms, now + absl::Hours(1)).ok()) << "again";
  EXPECT_EQ(ReasonOf(agreements.Offer("k1", "p2", terms, now).status()), "CONTENT_DIFFERS");
  EXPECT_EQ(ReasonOf(agreements.Offer("k2", "p3", terms, now).status()), "SELF_DEALING");
  EXPECT_EQ(ReasonOf(agreements.Offer("k2", "p1", terms, terms.end).status()),
            "CONTRACT_NOT_ACTIVE");
  ContractCall trial = agreements.By("p1", "k1", now);
  trial.validate_only = true;
  EXPECT_EQ(agreements.desk.Accept(trial, 1, MeteringPointId("m1"))->offer().state,
            VersionState::kAccepted);
  EXPECT_EQ(agreements.store.Get(world.community, ContractId("k1"))->offer().state,
            VersionState::kOffered)
      << "nothing was kept";
  // A stranger learns nothing: neither that there is such a contract nor whose point that is.
  for (const char* id : {"k1", "k9"}) {
    const ContractCall stranger = agreements.By("p2", id, now);
    EXPECT_EQ(ReasonOf(agreements.desk.Accept(stranger, 1, MeteringPointId("m1")).status()),
              "PERMISSION_DENIED");
    EXPECT_EQ(ReasonOf(agreements.desk.Decline(stranger, 1).status()), "PERMISSION_DENIED");
    EXPECT_EQ(ReasonOf(agreements.desk.Cancel(stranger, "").status()), "PERMISSION_DENIED");
    EXPECT_EQ(
        ReasonOf(
            agreements.desk.Get(world.community, ContractId(id), ParticipantId("p2")).status()),
        "PERMISSION_DENIED");
  }
  EXPECT_EQ(agreements.desk.Accept(agreements.By("p1", "k1", now), 1, MeteringPointId("m2"))
                .status()
                .code(),
            absl::StatusCode::kPermissionDenied)
      << "another's point";
  ASSERT_TRUE(agreements.Accept("k1", "p1", now).ok());
  EXPECT_TRUE(agreements.Accept("k1", "p1", now + absl::Hours(1)).ok()) << "again";
  EXPECT_EQ(ReasonOf(agreements.desk.Decline(agreements.By("p1", "k1", now), 1).status()),
            "VERSION_DECIDED");
  EXPECT_EQ(agreements.store.List(world.community, ParticipantId("p2"), {"", 10})->size(), 0u);
  EXPECT_EQ(agreements.store.List(world.community, ParticipantId("p1"), {"", 10})->size(), 1u);
  EXPECT_EQ(agreements.store.List(world.community, ParticipantId(), {"k1", 10})->size(), 0u);
}

TEST(ContractTest, OfTwoAnswersAtOnceOneCounts) {
  World world;
  Agreements agreements(world);
  const absl::Time now = world.start - absl::Hours(48);
  for (int round = 0; round < 10; ++round) {
    const std::string id = absl::StrCat("k", round);
    ASSERT_TRUE(agreements.Offer(id, "p1", EveryInterval(world, 1, 1), now).ok());
    absl::StatusOr<Contract> accepted = absl::UnknownError("not run");
    std::thread other([&] { accepted = agreements.Accept(id, "p1", now); });
    const auto withdrawn = agreements.desk.Withdraw(agreements.By("p3", id, now), 1);
    other.join();
    EXPECT_NE(accepted.ok(), withdrawn.ok());
    EXPECT_EQ(ReasonOf(accepted.ok() ? withdrawn.status() : accepted.status()), "VERSION_DECIDED");
  }
}

TEST(ContractTest, AHaltAndAKillSwitchAreRecordedAsReasons) {
  World world;
  Agreements agreements(world);
  agreements.Agree("k1", "p1", EveryInterval(world, 100, 200'000));
  world.RunUntilDone(GateOf(world, 0));
  const auto run = [&](const std::string& sql) {
    pqxx::connection connection(world.database->dsn());
    pqxx::work tx(connection);
    tx.exec(sql);
    tx.commit();
  };
  run("INSERT INTO market_controls (community_id) VALUES ('c1') ON CONFLICT DO NOTHING");
  run("UPDATE market_controls SET halted = true, halt_reason = 'storm' WHERE community_id = 'c1'");
  world.RunUntilDone(GateOf(world, 1));
  run("UPDATE market_controls SET halted = false, halt_reason = '' WHERE community_id = 'c1'");
  run("INSERT INTO kill_switches VALUES ('c1', 'p3', 'why', 'users/u1', now(), true)");
  world.RunUntilDone(GateOf(world, 2));
  run("DELETE FROM kill_switches");
  run("INSERT INTO beneficial_owners (community_id, participant_id, recorded_at, owner_id) "
      "VALUES ('c1', 'p1', '2000-01-01T00:00:00Z', 'p3')");
  world.RunUntilDone(GateOf(world, 3));
  EXPECT_EQ(agreements.Told("k1"),
            "1 100 1 t1 200000\n1 100 2 MARKET_HALTED\n1 100 2 TRADING_BLOCKED\n"
            "1 100 2 SELF_DEALING\n");
  EXPECT_EQ(
      ReasonOf(
          agreements.Offer("k2", "p1", EveryInterval(world, 1, 1), world.start - absl::Hours(1))
              .status()),
      "SELF_DEALING")
      << "nor is such a contract offered";
}

TEST(ContractTest, AnAuctionWithContractsIsClearedAgain) {
  World world;
  world.AddStandingOrders();
  Agreements(world).AgreeOnMany();
  world.settlement.balances[ParticipantId("p2")] = 0;
  world.RunUntilDone(GateOf(world, 0));
  Replay replay(world.auctions, world.view, crypto::Sha256Hex);
  const Auction auction = *world.view.GetAuction(world.Key());
  const auto again = replay.Run(auction, std::nullopt);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->replayed_sha256, again->stored_sha256);
  EXPECT_EQ(again->replayed, again->stored);
  EXPECT_EQ(again->stored.trade_count, 1) << "of the auction";
  const auto what_if = replay.Run(auction, WhatIf{Mechanism::kContinuous, {}, {}});
  ASSERT_TRUE(what_if.ok()) << what_if.status();
  EXPECT_EQ(what_if->replayed.energy, again->stored.energy);
}

}  // namespace
}  // namespace peerwatt::market
