#include "services/market/core/clearing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "libs/base/error.h"

namespace peerwatt::market {
namespace {

using ::testing::ElementsAre;

struct Row {
  const char* id;
  const char* owner;
  int64_t energy_wh;
  int64_t price;
};

Order Make(const Row& row, Side side, int64_t second = 0) {
  Order order;
  order.id = OrderId(row.id);
  order.participant = ParticipantId(row.owner);
  order.side = side;
  order.energy = Energy::WattHours(row.energy_wh);
  order.limit = Price::MicrosPerKwh(row.price);
  order.create_time = absl::FromUnixSeconds(second);
  order.state = OrderState::kActive;
  return order;
}

std::vector<Order> Book(const std::vector<Row>& bids, const std::vector<Row>& offers) {
  std::vector<Order> book;
  int64_t second = 0;
  for (const Row& bid : bids) {
    book.push_back(Make(bid, Side::kBid, second++));
  }
  for (const Row& offer : offers) {
    book.push_back(Make(offer, Side::kOffer, second++));
  }
  return book;
}

std::vector<int64_t> Fills(const ClearingResult& result) {
  std::vector<int64_t> fills;
  for (const Energy fill : result.fills) {
    fills.push_back(fill.wh());
  }
  return fills;
}

struct Scenario {
  const char* name;
  std::vector<Row> bids;
  std::vector<Row> offers;
  int64_t welfare;
  int64_t energy_wh;
  int64_t low;
  int64_t high;
};

TEST(ClearTest, ReachesTheKnownOptimum) {
  // Energy in Wh, prices in micro-units per kWh, in time order.
  const std::vector<Scenario> scenarios = {
      // Order book of the gsy-framework tests (pay as clear); the optimum is recomputed.
      {"three bids, three offers, owner C does not sell to himself",
       {{"b1", "A", 10'000, 1'000'000},
        {"b2", "B", 15'000, 2'000'000},
        {"b3", "C", 20'000, 3'000'000}},
       {{"o4", "A", 25'000, 1'000'020},
        {"o5", "B", 30'000, 5'000'000},
        {"o6", "C", 35'000, 2'400'000}},
       44'999'500,
       25'000,
       2'000'000,
       2'000'000},
      // rec-operation Example05; the optimum is recomputed.
      {"price interval, both sides exhausted",
       {{"b1", "A", 500'000, 45'000'000}, {"b2", "B", 1'000'000, 35'000'000}},
       {{"o1", "C", 500'000, 0},
        {"o2", "D", 1'000'000, 10'000'000},
        {"o3", "E", 1'000'000, 20'000'000},
        {"o4", "F", 500'000, 30'000'000}},
       47'500'000'000,
       1'500'000,
       10'000'000,
       20'000'000},
      // Own probe.
      {"cheap offer must win",
       {{"b1", "X", 10'000, 10'000'000}},
       {{"o2", "P", 10'000, 9'000'000}, {"o3", "Q", 10'000, 1'000'000}},
       90'000'000,
       10'000,
       1'000'000,
       9'000'000},
      // Own probe: a price cap as a percentage of a negative ask ends below the ask.
      {"negative ask",
       {{"b1", "A", 1'000, 0}},
       {{"o1", "B", 1'000, -10'000'000}},
       10'000'000,
       1'000,
       -10'000'000,
       0},
      {"equal limits trade", {{"b1", "A", 7, 5}}, {{"o1", "B", 9, 5}}, 0, 7, 5, 5},
      {"limits do not meet", {{"b1", "A", 7, 4}}, {{"o1", "B", 9, 5}}, 0, 0, 0, 0},
      {"only bids", {{"b1", "A", 7, 4}}, {}, 0, 0, 0, 0},
      {"welfare is rounded down", {{"b1", "A", 3, 1'000}}, {{"o1", "B", 3, 334}}, 1, 3, 334, 1'000},
  };
  for (const Scenario& scenario : scenarios) {
    SCOPED_TRACE(scenario.name);
    const auto result = Clear(Book(scenario.bids, scenario.offers));
    ASSERT_TRUE(result.ok());
    EXPECT_EQ(result->welfare.micros(), scenario.welfare);
    EXPECT_EQ(result->energy.wh(), scenario.energy_wh);
    EXPECT_EQ(result->price.has_value(), scenario.energy_wh > 0);
    if (result->price.has_value()) {
      EXPECT_EQ(result->price_low.micros_per_kwh(), scenario.low);
      EXPECT_EQ(result->price_high.micros_per_kwh(), scenario.high);
    }
  }
}

TEST(ClearTest, TakesTheMidpointRoundedDown) {
  const auto price_between = [](int64_t low, int64_t high) {
    return Clear(Book({{"b", "A", 1, high}}, {{"o", "B", 1, low}}))->price->micros_per_kwh();
  };
  EXPECT_EQ(price_between(2, 4), 3);
  EXPECT_EQ(price_between(2, 5), 3);
  EXPECT_EQ(price_between(-5, -2), -4);
  EXPECT_EQ(price_between(-1, 0), -1);
}

TEST(ClearTest, FillsByPriceThenTimeThenId) {
  std::vector<Order> book = {
      Make({"c", "C", 10, 7}, Side::kBid, 5), Make({"b", "B", 10, 7}, Side::kBid, 5),
      Make({"a", "A", 10, 7}, Side::kBid, 6), Make({"d", "D", 10, 8}, Side::kBid, 9),
      Make({"o", "O", 25, 1}, Side::kOffer, 1)};
  EXPECT_THAT(Fills(*Clear(book)), ElementsAre(5, 10, 0, 10, 25));
}

TEST(ClearTest, DoesNotDependOnTheOrderOfTheBook) {
  std::vector<Order> book = Book({{"b1", "A", 10, 9}, {"b2", "B", 10, 9}, {"b3", "C", 5, 8}},
                                 {{"o1", "D", 7, 3}, {"o2", "E", 6, 8}, {"o3", "F", 20, 9}});
  const auto expected = Clear(book);
  std::swap(book[0], book[5]);
  std::swap(book[1], book[3]);
  const auto shuffled = Clear(book);
  EXPECT_EQ(shuffled->price, expected->price);
  EXPECT_EQ(shuffled->fills[5], expected->fills[0]);
  EXPECT_EQ(shuffled->fills[3], expected->fills[1]);
  EXPECT_EQ(shuffled->trades.size(), expected->trades.size());
}

TEST(ClearTest, PairsOwnersWithOthersWhereThatIsPossible) {
  // By priority alone, A's bid would meet A's offer.
  const auto result = Clear(
      Book({{"b1", "A", 10, 9}, {"b2", "B", 10, 8}}, {{"o1", "A", 10, 1}, {"o2", "C", 10, 2}}));
  EXPECT_EQ(result->energy.wh(), 20);
  for (const PricedPair& trade : result->trades) {
    EXPECT_FALSE(trade.bid == 0 && trade.offer == 2) << "A trades with himself";
  }
}

TEST(ClearTest, GivesWayToAnotherBidderInsteadOfSellingToOneself) {
  // A's own bid comes first, but B pays as much for A's energy.
  const auto result =
      Clear(Book({{"b1", "A", 10, 5'000}, {"b2", "B", 10, 5'000}}, {{"o1", "A", 10, 1'000}}));
  EXPECT_THAT(Fills(*result), ElementsAre(0, 10, 10));
  EXPECT_EQ(result->welfare.micros(), 40);
}

TEST(ClearTest, TradesNothingWhenThereIsOnlyOneOwner) {
  const auto result = Clear(Book({{"b1", "A", 10, 9}}, {{"o1", "A", 10, 1}}));
  EXPECT_EQ(result->energy.wh(), 0);
  EXPECT_FALSE(result->price.has_value());
  EXPECT_TRUE(result->trades.empty());
}

TEST(ClearTest, LeavesOnlyTheEnergyThatWouldBeSoldToOneself) {
  // A wants 10 and has 10; B sells 4 more. Only 4 can come from another.
  const auto result = Clear(Book({{"b1", "A", 10, 9}}, {{"o1", "A", 10, 1}, {"o2", "B", 4, 2}}));
  EXPECT_THAT(Fills(*result), ElementsAre(4, 0, 4));
}

TEST(ClearTest, ClearsTheLargestQuantitiesExactly) {
  const int64_t max = kEnergyMax.wh();
  const int64_t price = kPriceMax.micros_per_kwh();
  const auto result = Clear(Book({{"b", "A", max, price}}, {{"o", "B", max, price - 1}}));
  EXPECT_EQ(result->welfare.micros(), max / 1000);
  EXPECT_EQ(result->energy.wh(), max);
}

TEST(ClearTest, RefusesBooksOutOfBounds) {
  const int64_t price = kPriceMax.micros_per_kwh();
  for (const Row& row : std::vector<Row>{{"a", "A", 0, 1},
                                         {"a", "A", -1, 1},
                                         {"a", "A", kEnergyMax.wh() + 1, 1},
                                         {"a", "A", 1, price + 1},
                                         {"a", "A", 1, -price - 1}}) {
    EXPECT_EQ(ReasonOf(Clear(std::vector<Order>{Make(row, Side::kBid)}).status()), "BOOK_INVALID");
  }
}

}  // namespace
}  // namespace peerwatt::market
