// Continuous trading beside the rest of the market: replicas, cut-offs of peers, gate closure.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "services/market/core/order_rules.h"
#include "services/market/core/replay.h"
#include "services/market/core/trading/book_feed.h"
#include "tests/postgres/market/trading_fixture.h"

namespace peerwatt::market {
namespace {

constexpr TimeInForce kGtc = TimeInForce::kGoodTillClosure;
constexpr TimeInForce kIoc = TimeInForce::kImmediateOrCancel;

class TradingLifeTest : public ::testing::Test {
 protected:
  std::string Place(const Order& order) { return TradingWorld::Said(world_.Place(order)); }
  Order Buy(const std::string& id, int64_t wh, int64_t price, TimeInForce time_in_force = kGtc,
            int interval = 0) {
    return world_.Wanted("p5", id, Side::kBid, wh, price, time_in_force, interval);
  }
  Order Sell(const std::string& id, int64_t wh, int64_t price, int interval = 0) {
    return world_.Wanted("p6", id, Side::kOffer, wh, price, kGtc, interval);
  }
  OrderState StateOf(const std::string& id) {
    return world_.orders.GetOrder(world_.Key(), OrderId(id))->state;
  }

  TradingWorld world_;
};

TEST_F(TradingLifeTest, TheVersionOfTheLimitsThatIsValidAtDeliveryDecides) {
  world_.AllowTrading(2, world_.Key(2).delivery_start, false);
  EXPECT_EQ(Place(Buy("b1", 100, 200, kGtc, 0)), "ACTIVE 0");
  EXPECT_EQ(Place(Buy("b1", 100, 200, kGtc, 1)), "ACTIVE 0");
  EXPECT_EQ(Place(Buy("b1", 100, 200, kGtc, 2)), "CONTINUOUS_TRADING_OFF");
  EXPECT_EQ(Place(Buy("b1", 100, 200, TimeInForce::kClosingAuction, 2)), "ACTIVE 0");
}

TEST_F(TradingLifeTest, PreferencesAndSeveralZonesAreRefused) {
  Order picky = Buy("b1", 100, 200);
  picky.preference = "sources SOLAR";
  EXPECT_EQ(Place(picky), "PREFERENCES_UNSUPPORTED");

  NetworkVersion network;
  network.id = NetworkId("n1");
  network.start = world_.start + absl::Hours(21);
  network.zones = {ZoneId("a"), ZoneId("b")};
  network.lines.zones = 2;
  network.lines.edges.push_back({0, 1, 1000, std::nullopt, std::nullopt});
  world_.registry.networks.push_back(network);
  const absl::Time opened = world_.start - absl::Hours(2);
  world_.clock.Set(opened);
  world_.RunUntilDone(opened);
  const int last = 4 * 22 - 1;
  ASSERT_EQ(world_.view.GetAuction(world_.Key(last))->network.value(), "n1");
  EXPECT_EQ(Place(Buy("b1", 100, 200, kGtc, last)), "CONTINUOUS_TRADING_UNSUPPORTED");
  EXPECT_EQ(Place(Buy("b1", 100, 200, kGtc, 1)), "ACTIVE 0");
}

TEST_F(TradingLifeTest, ValidateOnlyNamesEveryRuleAndKeepsNothing) {
  Order order = Buy("b1", 20'000, 500);
  world_.AllowTrading(2, world_.start, false);
  const absl::Status refused = world_.desk.Create(order, true, world_.clock.Now()).status();
  EXPECT_EQ(DetailOf(refused).metadata.at("reasons"),
            "CONTINUOUS_TRADING_OFF,ENERGY_OUT_OF_RANGE,PRICE_OUT_OF_RANGE");
  EXPECT_TRUE(world_.auctions.OrdersOf(world_.Key())->empty());
}

TEST_F(TradingLifeTest, AnOrderThatCannotBePaidNeverMeetsAnybody) {
  EXPECT_EQ(Place(Sell("o1", 100, 200)), "ACTIVE 0");
  world_.settlement.balances[ParticipantId("p5")] = 100 * 250 - 1;
  EXPECT_EQ(Place(Buy("b1", 100, 200)), "FUNDS_INSUFFICIENT");
  EXPECT_EQ(world_.Rests(), "buy | sell 100@200");
  EXPECT_EQ(world_.Traded(), "");
}

TEST_F(TradingLifeTest, ReplicasTakeTurnsOnOneBook) {
  TradingDesk other_trading(world_.book_store, world_.orders, world_.registry, world_.settlement,
                            world_.clock, world_.real_clock);
  OrderDesk other(world_.orders, world_.registry, world_.settlement, world_.probe,
                  world_.real_clock, other_trading);
  const absl::Time now = world_.clock.Now();
  EXPECT_EQ(Place(Sell("o1", 100, 200)), "ACTIVE 0");
  EXPECT_EQ(TradingWorld::Said(other.Create(Sell("o2", 100, 190), false, now)), "ACTIVE 0");
  EXPECT_EQ(Place(Buy("b1", 150, 210)), "FILLED 150");
  EXPECT_EQ(TradingWorld::Said(other.Cancel(world_.Key(), OrderId("o1"), ParticipantId("p6"), now)),
            "CANCELLED 50");
  EXPECT_EQ(Place(Buy("b2", 10, 210, kIoc)), "CANCELLED 0");
  EXPECT_EQ(world_.Traded(), "b1<-o2 100@190, b1<-o1 50@200");
  const auto news = world_.books.ListEvents(world_.Key(), 0, 100);
  for (size_t i = 0; i < news->events.size(); ++i) {
    EXPECT_EQ(news->events[i].number, static_cast<int64_t>(i + 1));
  }
  EXPECT_EQ(news->events.size(), 8u);
}

TEST_F(TradingLifeTest, ACopyThatIsBehindIsBroughtUpToDateInAnyGroup) {
  TradingDesk other_trading(world_.book_store, world_.orders, world_.registry, world_.settlement,
                            world_.clock, world_.real_clock);
  OrderDesk other(world_.orders, world_.registry, world_.settlement, world_.probe,
                  world_.real_clock, other_trading);
  EXPECT_EQ(Place(Sell("o1", 100, 200)), "ACTIVE 0");
  EXPECT_EQ(TradingWorld::Said(other.Create(Sell("o2", 100, 190), false, world_.clock.Now())),
            "ACTIVE 0");
  // The first of the group is rejected, which changes the auction's orders but not its book.
  world_.settlement.balances[ParticipantId("p7")] = 0;
  const auto answers = world_.desk.CreateGroup(
      {world_.Wanted("p7", "b1", Side::kBid, 10, 210, kGtc), Buy("b2", 150, 210)},
      world_.clock.Now());
  EXPECT_EQ(TradingWorld::Said(answers[0]), "FUNDS_INSUFFICIENT");
  EXPECT_EQ(TradingWorld::Said(answers[1]), "FILLED 150");
  EXPECT_EQ(world_.Traded(), "b2<-o2 100@190, b2<-o1 50@200");
}

TEST_F(TradingLifeTest, WhatWasInFlightAtGateClosureIsInTheAuctionUnlessImmediate) {
  for (const auto& [id, time_in_force] : {std::pair("b1", kGtc), std::pair("b2", kIoc)}) {
    world_.weather.FailAt(world_.weather.calls() == 0 ? 1 : 0, true);
    Order order = Buy(id, 100, 200, time_in_force);
    EXPECT_EQ(Place(order), "PEER_UNAVAILABLE") << "the answer about the hold is lost";
    EXPECT_EQ(StateOf(id), OrderState::kPending);
  }
  world_.weather.FailAt(-1, false);
  EXPECT_EQ(Place(world_.Wanted("p6", "o1", Side::kOffer, 50, 100, TimeInForce::kClosingAuction)),
            "ACTIVE 0");
  EXPECT_EQ(world_.Do("the gate closes"), "");
  EXPECT_EQ(world_.Traded(), "b1<-o1 50@200*");
  EXPECT_EQ(StateOf("b2"), OrderState::kExpired);
  EXPECT_EQ(world_.Held("b2"), 0);
  EXPECT_EQ(world_.Held("b1"), 50 * 250);
}

TEST_F(TradingLifeTest, TheSweepDecidesWhatWasCutOff) {
  EXPECT_EQ(Place(Sell("o1", 100, 200)), "ACTIVE 0");
  for (const bool halted : {false, true}) {
    const std::string id = halted ? "b2" : "b1";
    world_.weather.FailAt(halted ? 0 : 0, true);
    EXPECT_EQ(Place(Buy(id, 40, 200)), "PEER_UNAVAILABLE");
    world_.weather.FailAt(-1, false);
    if (halted) {
      world_.Do("the market halts");
    }
    world_.clock.Advance(absl::Minutes(1));
    EXPECT_EQ(*world_.desk.Sweep(world_.community, world_.clock.Now()), 1);
  }
  EXPECT_EQ(StateOf("b1"), OrderState::kFilled);
  EXPECT_EQ(StateOf("b2"), OrderState::kRejected) << "nothing trades in a halted market";
  EXPECT_EQ(world_.Held("b2"), 0);
  EXPECT_EQ(world_.Traded(), "b1<-o1 40@200");
}

TEST_F(TradingLifeTest, AHoldThatCouldNotBeLoweredIsLoweredLater) {
  EXPECT_EQ(Place(Buy("b1", 100, 200)), "ACTIVE 0");
  world_.weather.FailAt(0, false);
  EXPECT_EQ(world_.Do("p5 b1 cancels"), "PEER_UNAVAILABLE");
  EXPECT_EQ(world_.Held("b1"), 100 * 250);
  EXPECT_EQ(world_.Do("p5 b1 cancels"), "CANCELLED 0");
  EXPECT_EQ(world_.Held("b1"), 0);

  EXPECT_EQ(Place(Sell("o2", 100, 150)), "ACTIVE 0");
  world_.weather.FailAt(1, false);
  EXPECT_EQ(Place(Buy("b2", 100, 200)), "PEER_UNAVAILABLE")
      << "it has traded; its hold is as it was";
  EXPECT_EQ(world_.Held("b2"), 100 * 250);
  EXPECT_EQ(Place(Buy("b2", 100, 200)), "FILLED 100") << "asked again";
  world_.Do("the gate closes");
  EXPECT_EQ(world_.Held("b2"), 100 * 200);
  EXPECT_EQ(world_.Traded(), "b2<-o2 100@150");
}

TEST_F(TradingLifeTest, EnteringTwiceIsEnteringOnce) {
  EXPECT_EQ(Place(Buy("b1", 100, 200)), "ACTIVE 0");
  const Order kept = *world_.orders.GetOrder(world_.Key(), OrderId("b1"));
  Order pending = kept;
  pending.state = OrderState::kPending;
  const auto again = world_.trading.Enter({pending}, {""});
  EXPECT_EQ(TradingWorld::Said(again->front()), "ACTIVE 0");
  EXPECT_EQ(world_.Rests(), "buy 100@200 | sell");
}

TEST_F(TradingLifeTest, NothingMatchesOnceTheGateShouldHaveClosed) {
  EXPECT_EQ(Place(Sell("o1", 100, 200)), "ACTIVE 0");
  // The order came in time; its hold stood too late, and the runner has not closed the gate yet.
  const absl::Time in_time = world_.clock.Now();
  world_.clock.Set(world_.start - absl::Hours(1));
  EXPECT_EQ(TradingWorld::Said(world_.desk.Create(Buy("b1", 100, 200), false, in_time)),
            "PENDING 0");
  world_.Do("the gate closes");
  EXPECT_EQ(world_.Traded(), "b1<-o1 100@200*");
}

// Counts the looks at what is kept.
class CountingView final : public TradingView {
 public:
  explicit CountingView(TradingView& kept) : kept_(kept) {}
  absl::StatusOr<BookDepth> GetDepth(const AuctionKey& key, int32_t levels_max) override {
    return kept_.GetDepth(key, levels_max);
  }
  absl::StatusOr<BookOrders> GetOrders(const AuctionKey& key) override {
    return kept_.GetOrders(key);
  }
  absl::StatusOr<BookNews> ListEvents(const AuctionKey& key, int64_t after,
                                      int32_t limit) override {
    ++looks;
    return kept_.ListEvents(key, after, limit);
  }
  int looks = 0;

 private:
  TradingView& kept_;
};

TEST_F(TradingLifeTest, FollowersShareTheirLooks) {
  CountingView counted(world_.books);
  BookFeed feed(counted, world_.clock);
  const AuctionKey key = world_.Key();
  const auto numbers = [&](int64_t after, int32_t limit = 100) {
    const auto news = feed.ListEvents(key, after, limit);
    std::string text = news->is_open ? "" : "closed";
    for (const BookEvent& event : news->events) {
      absl::StrAppend(&text, event.number, " ");
    }
    return text;
  };
  EXPECT_EQ(Place(Sell("o1", 100, 200)), "ACTIVE 0");
  EXPECT_EQ(numbers(0), "1 ");
  EXPECT_EQ(Place(Buy("b1", 40, 200)), "FILLED 40");
  EXPECT_EQ(numbers(0), "1 ") << "news may be a little old";
  EXPECT_EQ(numbers(1), "");
  EXPECT_EQ(counted.looks, 1);
  world_.clock.Advance(absl::Milliseconds(40));
  for (int follower = 0; follower < 10; ++follower) {
    EXPECT_EQ(numbers(1), "2 3 ");
    EXPECT_EQ(numbers(0, 2), "1 2 ");
    EXPECT_EQ(numbers(3), "");
  }
  EXPECT_EQ(counted.looks, 2);
  world_.Do("the gate closes");
  EXPECT_EQ(numbers(3), "closed");
  EXPECT_EQ(numbers(1, 1), "2 ") << "more follows";
  EXPECT_EQ(counted.looks, 3);

  BookFeed late(counted, world_.clock);
  EXPECT_EQ(late.ListEvents(key, 2, 100)->events.size(), 1u);
  EXPECT_EQ(late.ListEvents(key, 0, 100)->events.size(), 3u) << "older than what is remembered";
  EXPECT_EQ(ReasonOf(late.ListEvents(world_.Key(1'000), 0, 100).status()), "NOT_FOUND");
}

TEST_F(TradingLifeTest, AnAuctionAfterTradingIsClearedAgainTheSame) {
  for (const char* step :
       {"p5 b1 buys 300 at 200 GTC", "p6 o1 sells 100 at 200 GTC", "p7 o2 sells 150 at 180",
        "p8 b2 buys 70 at 150 IOC", "p8 b3 buys 100 at 190 GTC", "p7 o3 sells 300 at 195 GTC",
        "the gate closes"}) {
    world_.Do(step);
  }
  const Auction auction = *world_.view.GetAuction(world_.Key());
  EXPECT_EQ(auction.order_count, 3);
  EXPECT_EQ(auction.cleared_energy.wh(), 100) << world_.Traded();
  Replay replay(world_.auctions, world_.view, crypto::Sha256Hex);
  const auto replayed = replay.Run(auction, std::nullopt);
  ASSERT_TRUE(replayed.ok());
  EXPECT_EQ(replayed->stored_sha256.size(), 64u);
  EXPECT_EQ(replayed->replayed_sha256, replayed->stored_sha256);
  EXPECT_EQ(replayed->replayed.trade_count, replayed->stored.trade_count);
  const auto outcomes =
      world_.view.ListOutcomes(world_.community, {world_.start, world_.start + absl::Hours(1)});
  EXPECT_EQ(outcomes->at(0).trades.size(), 3u) << "settlement sees all trades";
}

}  // namespace
}  // namespace peerwatt::market
