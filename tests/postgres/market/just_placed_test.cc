// What a process remembers of the gate closure it has just worked off is what the database has.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/postgres/market/peers.h"

namespace peerwatt::market {
namespace {

std::string TextOf(const std::vector<Order>& orders) {
  std::string text;
  for (const Order& o : orders) {
    absl::StrAppend(&text, absl::FormatTime(o.auction.delivery_start), " ",
                    o.auction.community.value(), " ", o.id.value(), " ", static_cast<int>(o.side),
                    " ", o.metering_point.value(), " ", o.grid_connection.value(), " ",
                    o.participant.value(), " owner ", o.owner.value(), " ");
    absl::StrAppend(&text, o.energy.wh(), " at ", o.limit.micros_per_kwh(), " filled ",
                    o.filled.wh(), " hold ", o.hold.micros(), " state ",
                    static_cast<int>(o.state), " ", o.standing_order.value(), " ",
                    o.rejection_reason, " ", absl::FormatTime(o.create_time), " ");
    absl::StrAppend(&text, o.zone.value(), " ", static_cast<int>(o.source), " ",
                    o.premium.micros_per_kwh(), " ", o.preference, " ",
                    static_cast<int>(o.book.time_in_force), " ", o.book.number, " ",
                    o.contract.value(), " ", o.contract_price, " ", o.place, "\n");
  }
  return text;
}

class JustPlacedTest : public ::testing::Test {
 protected:
  JustPlacedTest() {
    world_.AddStandingOrders();
    world_.RunUntilDone(world_.start - absl::Hours(3));
    for (const std::string id : {"zz", "aa"}) {
      Order bid;
      bid.auction = world_.Key();
      bid.id = OrderId(id);
      bid.metering_point = MeteringPointId("m1");
      bid.participant = ParticipantId("p1");
      bid.energy = Energy::WattHours(40);
      bid.limit = Price::MicrosPerKwh(200'000);
      bid.create_time = world_.start - absl::Hours(2);
      World::Require(world_.desk.Create(bid, false, bid.create_time).status());
    }
  }

  // Closes the first auction as the process does that remembers.
  Auction Close() {
    World::Require(world_.gate_closure.Freeze(Unfinished()));
    return Unfinished();
  }
  Auction Unfinished() { return **world_.auctions.FirstUnfinished(world_.community); }
  void Sql(const std::string& text) {
    World::Require(world_.pool.Run([&](pqxx::work& tx) {
      tx.exec(text);
      return absl::OkStatus();
    }));
  }
  std::string Remembered() { return TextOf(*world_.auctions.OrdersOf(world_.Key())); }
  // What a process reads that remembers nothing.
  std::string Stored() {
    return TextOf(*PostgresAuctionStore(world_.pool).OrdersOf(world_.Key()));
  }

  World world_;
};

TEST_F(JustPlacedTest, IsWhatTheDatabaseHas) {
  Close();
  EXPECT_EQ(world_.auctions.OrdersOf(world_.Key())->size(), 5U);
  EXPECT_EQ(Remembered(), Stored());
  EXPECT_EQ(Remembered(), Stored()) << "again, as when the book has to be read twice";
}

TEST_F(JustPlacedTest, IsUsedUntilTheAuctionIsCleared) {
  const Auction closed = Close();
  // Only who remembers does not see what nobody may do.
  Sql("UPDATE orders SET limit_micros = 1 WHERE order_id = 'so-m1'");
  EXPECT_NE(Remembered(), Stored());
  Sql("UPDATE orders SET limit_micros = 300000 WHERE order_id = 'so-m1'");
  EXPECT_EQ(Remembered(), Stored());
  World::Require(world_.gate_closure.ClearBook(closed));
  EXPECT_EQ(Remembered(), Stored());
}

TEST_F(JustPlacedTest, EndsWhenAnotherProcessHasClearedTheAuction) {
  const Auction closed = Close();
  PostgresAuctionStore store(world_.pool);
  GateClosure other(store, world_.registry, world_.metering, world_.settlement, world_.probe,
                    crypto::Sha256Hex);
  World::Require(other.ClearBook(closed));
  EXPECT_EQ(Remembered(), Stored());
  EXPECT_EQ(Remembered().find("state 0"), std::string::npos) << "nothing is pending any more";
}

TEST_F(JustPlacedTest, EndsWhenTheAuctionHasOthers) {
  Close();
  Sql("UPDATE orders SET state = 'CANCELLED' WHERE order_id = 'so-m2'");
  EXPECT_EQ(Remembered(), Stored());
}

TEST_F(JustPlacedTest, IsOfOneAuction) {
  Close();
  Auction next = Unfinished();
  next.key = world_.Key(1);
  World::Require(world_.gate_closure.Freeze(*world_.view.GetAuction(next.key)));
  EXPECT_EQ(Remembered(), Stored());
  EXPECT_EQ(TextOf(*world_.auctions.OrdersOf(next.key)),
            TextOf(*PostgresAuctionStore(world_.pool).OrdersOf(next.key)));
  EXPECT_EQ(world_.auctions.OrdersOf(next.key)->size(), 3U);
}

}  // namespace
}  // namespace peerwatt::market
