// Nobody trades with himself through another account, by who stood behind it at gate closure.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "services/market/core/replay.h"
#include "services/market/storage/surveillance_store.h"
#include "tests/postgres/market/peers.h"

namespace peerwatt::market {
namespace {

/// Households `a` and `b`, of which operators may record one owner, and a stranger `c`.
struct OwnersWorld {
  OwnersWorld() : surveys(world.pool) {
    for (const std::string name : {"a", "b", "c"}) {
      world.AddPoint(name, name, name, 8'000, 8'000, 0, 0);
    }
  }

  void Record(const std::string& participant, const std::string& owner, absl::Time time) {
    const auto recorded = surveys.RecordOwner(
        world.community, {ParticipantId(participant), ParticipantId(owner), time});
    ASSERT_TRUE(recorded.ok()) << recorded.status();
  }
  void Open() { world.RunUntilDone(gate_closure - absl::Hours(1)); }
  void Place(const std::string& who, Side side, int64_t wh, int64_t limit,
             const std::string& preference = "") {
    Order order;
    order.auction = world.Key();
    order.id = OrderId(who + (side == Side::kBid ? "-bid" : "-offer"));
    order.side = side;
    order.metering_point = MeteringPointId(who);
    order.participant = ParticipantId(who);
    order.energy = Energy::WattHours(wh);
    order.limit = Price::MicrosPerKwh(limit);
    order.preference = preference;
    const auto placed = world.desk.Create(order, false, gate_closure - absl::Hours(1));
    ASSERT_TRUE(placed.ok()) << placed.status();
  }
  void CloseGate() { world.RunUntilDone(gate_closure); }

  std::string Story() {
    std::string story;
    const std::vector<Trade> trades = *world.auctions.TradesOf(world.Key());
    for (const Trade& trade : trades) {
      absl::StrAppend(&story, trade.buyer.value(), "<-", trade.seller.value(), " ",
                      trade.energy.wh(), "\n");
    }
    return story;
  }
  absl::StatusOr<ReplayedAuction> Replayed() {
    Replay replay(world.auctions, world.view, crypto::Sha256Hex);
    return replay.Run(*world.view.GetAuction(world.Key()), std::nullopt);
  }
  void ExpectReplayIsIdentical() {
    const auto replayed = Replayed();
    ASSERT_TRUE(replayed.ok()) << replayed.status();
    EXPECT_EQ(replayed->stored, replayed->replayed);
    EXPECT_EQ(replayed->stored_sha256, replayed->replayed_sha256);
    EXPECT_EQ(replayed->stored_sha256.size(), 64u);
  }

  World world;
  PostgresSurveyView surveys;
  const absl::Time gate_closure = world.start - absl::Hours(1);
};

class OwnersTest : public ::testing::Test, public OwnersWorld {};

TEST_F(OwnersTest, WithoutARecordEverybodyStandsForHimself) {
  Open();
  Place("a", Side::kBid, 1'000, 300'000);
  Place("b", Side::kOffer, 1'000, 100'000);
  CloseGate();
  EXPECT_EQ(Story(), "a<-b 1000\n");
  ExpectReplayIsIdentical();
}

TEST_F(OwnersTest, TwoAccountsOfOneOwnerDoNotTrade) {
  Open();
  Record("a", "holding", gate_closure - absl::Hours(30));
  Record("b", "holding", gate_closure - absl::Hours(2));
  Place("a", Side::kBid, 1'000, 300'000);
  Place("b", Side::kOffer, 1'000, 100'000);
  Place("c", Side::kOffer, 400, 200'000);
  CloseGate();
  EXPECT_EQ(Story(), "a<-c 400\n") << "b's cheaper energy is a's own";
  EXPECT_EQ(world.view.GetClearing(world.Key())->verdict, "NONE");
  EXPECT_GT(world.view.GetClearing(world.Key())->withdrawn.wh(), 0);
  ExpectReplayIsIdentical();
}

TEST_F(OwnersTest, AParticipantMayBeTheOwnerOfAnother) {
  Open();
  Record("b", "a", gate_closure - absl::Hours(2));
  Place("a", Side::kBid, 1'000, 300'000);
  Place("b", Side::kOffer, 1'000, 100'000);
  CloseGate();
  EXPECT_EQ(Story(), "");
  const std::vector<Order> orders = *world.auctions.OrdersOf(world.Key());
  ASSERT_EQ(orders.size(), 2u);
  EXPECT_EQ(OwnerOf(orders[0]).value(), "a");
  EXPECT_EQ(OwnerOf(orders[1]).value(), "a");
}

TEST_F(OwnersTest, TheLastRecordUpToGateClosureCounts) {
  struct Case {
    const char* name;
    std::vector<std::pair<std::string, absl::Duration>> records;
    bool trades;
  };
  const std::vector<Case> cases = {
      {"at gate closure", {{"a", absl::ZeroDuration()}}, false},
      {"after it", {{"a", absl::Microseconds(1)}}, true},
      {"taken back before", {{"a", -absl::Hours(2)}, {"b", -absl::Hours(1)}}, true},
      {"taken back after", {{"a", -absl::Hours(2)}, {"b", absl::Hours(1)}}, false},
      {"someone else last", {{"a", -absl::Hours(2)}, {"holding", -absl::Hours(1)}}, true}};
  for (const Case& c : cases) {
    OwnersWorld fresh;
    fresh.Open();
    fresh.Place("a", Side::kBid, 1'000, 300'000);
    fresh.Place("b", Side::kOffer, 1'000, 100'000);
    for (const auto& [owner, when] : c.records) {
      fresh.Record("b", owner, fresh.gate_closure + when);
    }
    // The gate is closed late, when all records are there.
    fresh.world.RunUntilDone(fresh.gate_closure + absl::Hours(2));
    EXPECT_EQ(fresh.Story(), c.trades ? "a<-b 1000\n" : "") << c.name;
    fresh.ExpectReplayIsIdentical();
  }
}

TEST_F(OwnersTest, LaterRecordsDoNotChangeTheReplay) {
  Open();
  Record("b", "a", gate_closure - absl::Hours(2));
  Place("a", Side::kBid, 1'000, 300'000);
  Place("b", Side::kOffer, 1'000, 100'000);
  Place("c", Side::kOffer, 400, 200'000);
  CloseGate();
  Record("b", "b", gate_closure + absl::Hours(2));
  Record("c", "a", gate_closure + absl::Hours(2));
  // Even one that is timed before gate closure, and came to light later.
  Record("a", "holding", gate_closure - absl::Hours(1));
  ExpectReplayIsIdentical();
}

TEST_F(OwnersTest, OwnersAreInTheHash) {
  Open();
  Record("b", "a", gate_closure - absl::Hours(2));
  Place("a", Side::kBid, 1'000, 300'000);
  Place("b", Side::kOffer, 1'000, 400'000);
  CloseGate();
  ExpectReplayIsIdentical();
  pqxx::connection owner(world.database->owner_dsn());
  pqxx::work tx(owner);
  tx.exec("UPDATE auction_owners SET owner_id = 'c'");
  tx.commit();
  const auto replayed = Replayed();
  ASSERT_TRUE(replayed.ok());
  EXPECT_EQ(replayed->stored, replayed->replayed) << "nothing trades either way";
  EXPECT_NE(replayed->stored_sha256, replayed->replayed_sha256);
}

TEST_F(OwnersTest, TheServiceCannotChangeWhatItKept) {
  Open();
  Record("b", "a", gate_closure - absl::Hours(2));
  Place("b", Side::kOffer, 1'000, 400'000);
  CloseGate();
  pqxx::connection service(world.database->dsn());
  for (const std::string change :
       {"UPDATE auction_owners SET owner_id = 'c'", "DELETE FROM auction_owners"}) {
    pqxx::work tx(service);
    EXPECT_THROW(tx.exec(change), pqxx::insufficient_privilege) << change;
  }
}

// A network of one zone is how a community chooses tie rule and mode.
TEST_F(OwnersTest, TheModeIsThatOfTheNetwork) {
  struct Case {
    clearing::SelfTradeMode mode;
    const char* story;
  };
  // The owner of `a` and `b` would sell 1000 to himself. Without his offer nothing is for sale;
  // without his bid `c` buys.
  const std::vector<Case> cases = {{clearing::SelfTradeMode::kWithdrawOffers, ""},
                                   {clearing::SelfTradeMode::kWithdrawBids, "c<-a 300\n"},
                                   {clearing::SelfTradeMode::kKeepGreaterWelfare, "c<-a 300\n"}};
  for (const Case& c : cases) {
    OwnersWorld fresh;
    NetworkVersion network;
    network.id = NetworkId("rules");
    network.start = fresh.world.start;
    network.zones = {ZoneId("all")};
    network.lines.zones = 1;
    network.rules.self_trade_mode = c.mode;
    fresh.world.registry.networks = {network};
    fresh.Open();
    fresh.Record("b", "a", fresh.gate_closure - absl::Hours(2));
    fresh.Place("b", Side::kBid, 1'000, 300'000);
    fresh.Place("c", Side::kBid, 300, 250'000);
    fresh.Place("a", Side::kOffer, 1'000, 100'000);
    fresh.CloseGate();
    EXPECT_EQ(fresh.Story(), c.story);
    fresh.ExpectReplayIsIdentical();
  }
}

TEST_F(OwnersTest, PreferencesAreAboutAccounts) {
  Open();
  Record("b", "holding", gate_closure - absl::Hours(2));
  Record("c", "holding", gate_closure - absl::Hours(2));
  Place("a", Side::kBid, 1'000, 300'000, "partners=c");
  Place("b", Side::kOffer, 1'000, 100'000);
  Place("c", Side::kOffer, 400, 200'000);
  CloseGate();
  EXPECT_EQ(Story(), "a<-c 400\n") << "b has the same owner, but is not who was asked for";
  ExpectReplayIsIdentical();
}

}  // namespace
}  // namespace peerwatt::market
