// Auctions over zones and by preferences, from opening to what settlement sees, and again.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "services/market/core/replay.h"
#include "tests/postgres/market/peers.h"

namespace peerwatt::market {
namespace {

/// South and north, joined by a line at 0.02 per kWh that carries 400 Wh per interval, and four
/// households: `sun` in the south sells from the roof, `gas` in the north from an engine; `house`
/// and `farm` in the north buy.
class NetworkLifeTest : public ::testing::Test {
 protected:
  NetworkLifeTest() {
    Join("sun", "south", EnergySource::kSolar);
    Join("gas", "north", EnergySource::kCogeneration);
    Join("house", "north", EnergySource::kUnknown);
    Join("farm", "north", EnergySource::kUnknown);
  }

  void Join(const std::string& name, const std::string& zone, EnergySource source) {
    world_.AddPoint(name, name, name, 8'000, 8'000, 0, 0);
    world_.registry.snapshot.members.back().zone = ZoneId(zone);
    world_.registry.snapshot.members.back().source = source;
  }

  static NetworkVersion TwoZones(absl::Time start, std::optional<int64_t> capacity_wh) {
    NetworkVersion network;
    network.id = NetworkId("two");
    network.start = start;
    network.zones = {ZoneId("south"), ZoneId("north")};
    network.lines.zones = 2;
    network.lines.edges = {{0, 1, 20'000, std::nullopt, std::nullopt}};
    if (capacity_wh.has_value()) {
      network.lines.edges[0].capacity = Energy::WattHours(*capacity_wh);
    }
    return network;
  }

  void Open(std::optional<int64_t> capacity_wh) {
    world_.registry.networks = {TwoZones(world_.start, capacity_wh)};
    world_.RunUntilDone(world_.start - absl::Hours(2));
  }
  absl::StatusOr<Order> Place(const std::string& who, Side side, int64_t wh, int64_t limit,
                              const std::string& preference = "", int64_t premium = 0) {
    Order order;
    order.auction = world_.Key();
    order.id = OrderId(who + "-order");
    order.side = side;
    order.metering_point = MeteringPointId(who);
    order.participant = ParticipantId(who);
    order.energy = Energy::WattHours(wh);
    order.limit = Price::MicrosPerKwh(limit);
    order.preference = preference;
    order.premium = Price::MicrosPerKwh(premium);
    return world_.desk.Create(order, false, world_.start - absl::Hours(2));
  }
  void CloseGate() { world_.RunUntilDone(world_.start - absl::Hours(1)); }

  std::vector<Trade> Trades() { return *world_.auctions.TradesOf(world_.Key()); }
  std::string Story() {
    std::string story;
    for (const Trade& trade : Trades()) {
      absl::StrAppend(&story, trade.buyer.value(), "<-", trade.seller.value(), " ",
                      trade.energy.wh(), " at ", trade.price.micros_per_kwh(), "/",
                      trade.buyer_price.micros_per_kwh(), " network ",
                      trade.network_fee.micros_per_kwh(), "\n");
    }
    return story;
  }
  int64_t Held(const std::string& who) {
    return world_.settlement.HeldFor(world_.start, who + "-order");
  }

  World world_;
};

TEST_F(NetworkLifeTest, AFullLineSplitsThePrice) {
  Open(400);
  ASSERT_TRUE(Place("sun", Side::kOffer, 1'000, 100'000).ok());
  ASSERT_TRUE(Place("gas", Side::kOffer, 500, 250'000).ok());
  ASSERT_TRUE(Place("house", Side::kBid, 1'000, 300'000).ok());
  EXPECT_EQ(Held("house"), 350'000) << "limit and flat fee; fees of lines are in the limit";
  CloseGate();
  // The south is rationed at the sun's limit, the north at the house's. The difference of 0.20 is
  // the line's fee of 0.02 and its congestion of 0.18; the flat fee is 0.05.
  EXPECT_EQ(Story(),
            "house<-gas 500 at 300000/300000 network 50000\n"
            "house<-sun 400 at 100000/300000 network 250000\n");
  const Auction auction = *world_.view.GetAuction(world_.Key());
  EXPECT_EQ(auction.network.value(), "two");
  EXPECT_FALSE(auction.clearing_price.has_value()) << "there is no one price";
  EXPECT_EQ(auction.cleared_energy.wh(), 900);
  EXPECT_EQ(auction.welfare.micros(), 97'000);
  EXPECT_TRUE(auction.holds_reduced);

  const ClearingRecord record = *world_.view.GetClearing(world_.Key());
  ASSERT_EQ(record.zones.size(), 2u);
  EXPECT_EQ(record.zones[0].price->price, 100'000);
  EXPECT_EQ(record.zones[1].price->price, 300'000);
  EXPECT_EQ(record.zones[0].sold.wh(), 400);
  EXPECT_EQ(record.zones[1].bought.wh(), 900);
  EXPECT_EQ(record.flows[0].energy_wh, 400);
  EXPECT_EQ(record.flows[0].congestion, 180'000);
  EXPECT_EQ(record.verdict, "NONE");
  EXPECT_EQ(record.sha256.size(), 64u);

  // What the house pays is exactly what the sellers and the network get, and is what stays held.
  int64_t sellers = 0;
  int64_t network = 0;
  for (const Trade& trade : Trades()) {
    sellers += AmountOf(trade.energy, trade.price, Rounding::kHalfEven).micros();
    network += AmountOf(trade.energy, trade.network_fee, Rounding::kHalfEven).micros();
  }
  EXPECT_EQ(sellers, 190'000);
  EXPECT_EQ(network, 400 * 20 + 400 * 180 + 900 * 50) << "fees, congestion and the flat fee";
  EXPECT_EQ(Held("house"), sellers + network);
  EXPECT_EQ(Held("sun"), -1) << "an offer above 0 needs no hold";
}

TEST_F(NetworkLifeTest, ALineWithRoomCostsItsFee) {
  Open(std::nullopt);
  ASSERT_TRUE(Place("sun", Side::kOffer, 1'000, 100'000).ok());
  ASSERT_TRUE(Place("house", Side::kBid, 1'000, 300'000).ok());
  CloseGate();
  EXPECT_EQ(Story(), "house<-sun 1000 at 190000/210000 network 70000\n");
  EXPECT_EQ(Held("house"), 260'000);
}

TEST_F(NetworkLifeTest, SettlementSeesBothPrices) {
  Open(400);
  ASSERT_TRUE(Place("sun", Side::kOffer, 1'000, 100'000).ok());
  ASSERT_TRUE(Place("house", Side::kBid, 1'000, 300'000).ok());
  CloseGate();
  const auto outcomes =
      *world_.view.ListOutcomes(world_.community, {world_.start, world_.start + absl::Hours(1)});
  ASSERT_EQ(outcomes.size(), 1u);
  ASSERT_EQ(outcomes[0].trades.size(), 1u);
  EXPECT_EQ(outcomes[0].trades[0].price, Price::MicrosPerKwh(100'000));
  EXPECT_EQ(outcomes[0].trades[0].buyer_price, Price::MicrosPerKwh(300'000));
  EXPECT_EQ(outcomes[0].trades[0].network_fee, Price::MicrosPerKwh(250'000));
}

TEST_F(NetworkLifeTest, AnAuctionKeepsTheNetworkThatItOpenedWith) {
  world_.RunUntilDone(world_.start - absl::Hours(2));
  world_.registry.networks = {TwoZones(world_.start, 400)};
  ASSERT_TRUE(Place("sun", Side::kOffer, 1'000, 100'000).ok());
  ASSERT_TRUE(Place("house", Side::kBid, 1'000, 300'000).ok());
  CloseGate();
  EXPECT_EQ(Story(), "house<-sun 1000 at 200000/200000 network 50000\n");
  EXPECT_EQ(world_.view.GetAuction(world_.Key())->network.value(), "");
  // Those that open from now on have it.
  const AuctionKey later = world_.Key(23 * 4 + 2);
  world_.RunUntilDone(later.delivery_start - absl::Hours(24));
  EXPECT_EQ(world_.view.GetAuction(later)->network.value(), "two");
  EXPECT_EQ(world_.auctions.GetNetwork(world_.community, NetworkId("two"))->zones.size(), 2u);
  EXPECT_EQ(world_.auctions.GetNetwork(world_.community, NetworkId("x")).status().code(),
            absl::StatusCode::kNotFound);
}

TEST_F(NetworkLifeTest, GatesCloseWhileNoNetworkCanBeHad) {
  Open(400);
  ASSERT_TRUE(Place("sun", Side::kOffer, 1'000, 100'000).ok());
  ASSERT_TRUE(Place("house", Side::kBid, 1'000, 300'000).ok());
  world_.registry.networks_are_away = true;
  const absl::Time gate_closure = world_.start - absl::Hours(1);
  EXPECT_FALSE(world_.runner.RunOnce(gate_closure, [] { return false; }).ok());
  EXPECT_TRUE(world_.view.GetAuction(world_.Key())->holds_reduced);
  const AuctionKey next = world_.Key(23 * 4);
  EXPECT_EQ(world_.view.GetAuction(next).status().code(), absl::StatusCode::kNotFound);
  world_.registry.networks_are_away = false;
  CloseGate();
  EXPECT_EQ(world_.view.GetAuction(next)->network.value(), "two");
}

TEST_F(NetworkLifeTest, PreferencesAreKept) {
  Open(std::nullopt);
  ASSERT_TRUE(Place("sun", Side::kOffer, 600, 150'000).ok());
  ASSERT_TRUE(Place("gas", Side::kOffer, 1'000, 100'000).ok());
  // The house takes nothing but sun; the farm would pay 0.10 more for local energy.
  ASSERT_TRUE(Place("house", Side::kBid, 1'000, 300'000, "sources=solar").ok());
  const auto farm = Place("farm", Side::kBid, 500, 90'000, "; premium local", 100'000);
  ASSERT_TRUE(farm.ok()) << farm.status();
  EXPECT_EQ(Held("farm"), 120'000) << "500 Wh at limit, premium and flat fee";
  CloseGate();
  std::vector<std::string> who;
  for (const Trade& trade : Trades()) {
    who.push_back(trade.buyer.value() + "<-" + trade.seller.value());
    EXPECT_EQ(trade.network_fee, trade.buyer_price - trade.price + Price::MicrosPerKwh(50'000));
  }
  std::sort(who.begin(), who.end());
  EXPECT_EQ(who, (std::vector<std::string>{"farm<-gas", "house<-sun"}));
  const ClearingRecord record = *world_.view.GetClearing(world_.Key());
  EXPECT_EQ(record.requiring.wh(), 1'000);
  EXPECT_EQ(record.requiring_traded.wh(), 600);
  EXPECT_EQ(record.premium_traded.wh(), 500);
  EXPECT_EQ(record.premium_met.wh(), 500);
  EXPECT_EQ(record.flows[0].energy_wh, 600);
  EXPECT_FALSE(record.zones[0].price.has_value());
  ASSERT_EQ(record.goods.size(), 2u);
  EXPECT_EQ(record.goods[0].source, EnergySource::kSolar);
  const Order kept = *world_.orders.GetOrder(world_.Key(), OrderId("sun-order"));
  EXPECT_EQ(kept.source, EnergySource::kSolar) << "as the registry says";
  EXPECT_EQ(kept.zone.value(), "south");
}

TEST_F(NetworkLifeTest, WhatCannotBeKeptIsRefused) {
  Open(400);
  EXPECT_EQ(ReasonOf(Place("house", Side::kBid, 100, 300'000, "sources=solar").status()),
            "PREFERENCES_UNSUPPORTED");
  EXPECT_EQ(ReasonOf(Place("house", Side::kBid, 100, 300'000, "zones=east").status()),
            "PREFERENCES_INVALID");
  EXPECT_TRUE(Place("house", Side::kBid, 100, 300'000).ok());
}

TEST_F(NetworkLifeTest, AReplayIsIdentical) {
  Open(400);
  ASSERT_TRUE(Place("sun", Side::kOffer, 1'000, 100'000).ok());
  ASSERT_TRUE(Place("gas", Side::kOffer, 500, 250'000).ok());
  ASSERT_TRUE(Place("house", Side::kBid, 600, 300'000).ok());
  ASSERT_TRUE(Place("farm", Side::kBid, 500, 290'000).ok());
  ASSERT_TRUE(world_.desk
                  .Cancel(world_.Key(), OrderId("farm-order"), ParticipantId("farm"),
                          world_.start - absl::Hours(2))
                  .ok());
  CloseGate();
  const std::string story = Story();
  // Another process: nothing but the database is left.
  postgres::Pool pool(world_.database->dsn(), Queries(), 2);
  PostgresAuctionStore auctions(pool);
  PostgresMarketView view(pool);
  Replay replay(auctions, view, crypto::Sha256Hex);
  const Auction auction = *view.GetAuction(world_.Key());
  const auto same = replay.Run(auction, std::nullopt);
  ASSERT_TRUE(same.ok()) << same.status();
  EXPECT_EQ(same->stored, same->replayed);
  EXPECT_EQ(same->stored_sha256, same->replayed_sha256);
  EXPECT_EQ(same->stored_sha256.size(), 64u);
  EXPECT_EQ(same->replayed.energy.wh(), 600);

  // A changed order shows.
  pqxx::connection owner(world_.database->owner_dsn());
  pqxx::work tx(owner);
  tx.exec("UPDATE orders SET limit_micros = limit_micros + 1 WHERE order_id = 'house-order'");
  tx.commit();
  EXPECT_NE(replay.Run(auction, std::nullopt)->replayed_sha256, same->stored_sha256);
  EXPECT_EQ(Story(), story) << "nothing is stored";
}

TEST_F(NetworkLifeTest, OtherRulesAreAnsweredSideBySide) {
  Open(400);
  ASSERT_TRUE(Place("sun", Side::kOffer, 1'000, 100'000).ok());
  ASSERT_TRUE(Place("gas", Side::kOffer, 500, 250'000).ok());
  ASSERT_TRUE(Place("house", Side::kBid, 1'000, 300'000).ok());
  CloseGate();
  Replay replay(world_.auctions, world_.view, crypto::Sha256Hex);
  const Auction auction = *world_.view.GetAuction(world_.Key());
  struct Case {
    const char* name;
    WhatIf rules;
    int64_t energy_wh;
    int64_t welfare;
    int64_t mean_price;
    int64_t network;
  };
  WhatIf one_zone;
  one_zone.network = NetworkVersion();
  WhatIf wide = one_zone;
  wide.network = TwoZones(world_.start, std::nullopt);
  WhatIf pro_rata;
  pro_rata.tie_rule = clearing::TieRule::kProRata;
  WhatIf continuous;
  continuous.mechanism = Mechanism::kContinuous;
  const std::vector<Case> cases = {
      {"the same, pro rata", pro_rata, 900, 97'000, 211'111, 80'000},
      {"a line without limit", wide, 1'000, 180'000, 165'000, 20'000},
      {"one zone", one_zone, 1'000, 200'000, 175'000, 0},
      {"continuous, each zone by itself", continuous, 500, 25'000, 250'000, 0},
  };
  for (const Case& c : cases) {
    const auto replayed = replay.Run(auction, c.rules);
    ASSERT_TRUE(replayed.ok()) << c.name;
    EXPECT_EQ(replayed->stored.energy.wh(), 900) << c.name;
    EXPECT_EQ(replayed->stored.welfare.micros(), 97'000) << c.name;
    EXPECT_EQ(replayed->stored.network_revenue.micros(), 80'000) << c.name;
    EXPECT_EQ(replayed->replayed.energy.wh(), c.energy_wh) << c.name;
    EXPECT_EQ(replayed->replayed.welfare.micros(), c.welfare) << c.name;
    EXPECT_EQ(replayed->replayed.mean_price->micros_per_kwh(), c.mean_price) << c.name;
    EXPECT_EQ(replayed->replayed.network_revenue.micros(), c.network) << c.name;
    EXPECT_EQ(replayed->replayed_sha256, "") << c.name;
  }
}

TEST(NetworkMigrationTest, TradesOfBeforePayTheFeeOfTheirAuction) {
  auto database = testing::TestDatabase::Create("market", {Migrations()[0]});
  {
    pqxx::connection owner(database->owner_dsn());
    pqxx::work tx(owner);
    tx.exec(
        "INSERT INTO auctions (community_id, delivery_start_at, delivery_end_at, "
        "gate_closure_at, network_fee_micros, state, clearing_price_micros, "
        "cleared_energy_wh) VALUES ('c1', 'epoch', 'epoch'::timestamptz + '15 min', "
        "'epoch'::timestamptz - '1 h'::interval, 50000, 'CLEARED', 200000, 7)");
    tx.exec(
        "INSERT INTO trades VALUES ('c1', 'epoch', 1, 'b', 'o', 7, 200000, 'm1', 'm2', "
        "'p1', 'p2')");
    tx.commit();
  }
  ASSERT_TRUE(postgres::Migrate(database->owner_dsn(), Migrations()).ok());
  postgres::Pool pool(database->dsn(), Queries(), 2);
  PostgresAuctionStore auctions(pool);
  const AuctionKey key = {CommunityId("c1"), absl::UnixEpoch()};
  const std::vector<Trade> trades = *auctions.TradesOf(key);
  ASSERT_EQ(trades.size(), 1u);
  EXPECT_EQ(trades[0].buyer_price, Price::MicrosPerKwh(200'000));
  EXPECT_EQ(trades[0].network_fee, Price::MicrosPerKwh(50'000));
  EXPECT_EQ(PostgresMarketView(pool).GetAuction(key)->network.value(), "");
}

TEST_F(NetworkLifeTest, WhereTheCommunitySharesThereAreNoAuctions) {
  const absl::Time shares_from = world_.start + absl::Minutes(15);
  const absl::Time trades_again = world_.start + absl::Minutes(45);
  world_.registry.phases = {{shares_from, false}, {trades_again, true}};
  Open(std::nullopt);
  const auto starts = [&] {
    std::vector<int64_t> minutes;
    const Interval span{world_.start, world_.start + absl::Minutes(90)};
    for (const Auction& auction : *world_.view.ListAuctions(world_.community, span, 100)) {
      minutes.push_back((auction.key.delivery_start - world_.start) / absl::Minutes(1));
    }
    return minutes;
  };
  EXPECT_EQ(starts(), (std::vector<int64_t>{0, 45, 60, 75}));
  Order order;
  order.auction = world_.Key(1);
  order.id = OrderId("in-between");
  order.side = Side::kBid;
  order.metering_point = MeteringPointId("house");
  order.participant = ParticipantId("house");
  order.energy = Energy::WattHours(100);
  order.limit = Price::MicrosPerKwh(100'000);
  EXPECT_EQ(ReasonOf(world_.desk.Create(order, false, world_.start - absl::Hours(2)).status()),
            "NOT_FOUND");
  // What settlement asks for has no entry in between, and the next one is there.
  world_.RunUntilDone(world_.start);
  const Interval asked{world_.start, trades_again + absl::Minutes(15)};
  const auto outcomes = *world_.view.ListOutcomes(world_.community, asked);
  ASSERT_EQ(outcomes.size(), 2u);
  EXPECT_EQ(outcomes[1].delivery_start, trades_again);
  // From tomorrow on it shares for good: the clock goes on, and nothing opens.
  const absl::Time last = *world_.auctions.LastDeliveryEnd(world_.community).value();
  world_.registry.phases = {{last, false}};
  world_.RunUntilDone(last + absl::Hours(48));
  EXPECT_EQ(*world_.auctions.LastDeliveryEnd(world_.community).value(), last);
}

}  // namespace
}  // namespace peerwatt::market
