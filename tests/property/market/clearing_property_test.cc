// Holds clearing against a naive version that shares no code with it: orders become single watt
// hours, and every quantity is tried.

#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>
#include <map>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include "services/market/core/clearing.h"

namespace peerwatt::market {
namespace {

constexpr int kBooks = 120'000;

// One watt hour of an order.
struct Unit {
  size_t order;
  int64_t limit;
  std::string owner;
};

struct Naive {
  int64_t energy = 0;
  int64_t milli_welfare = 0;
  std::vector<int64_t> fills;
  std::string dominating_owner;  // Empty when a pairing without self-trades exists.
};

std::vector<Unit> UnitsOf(const std::vector<Order>& book, Side side) {
  std::vector<size_t> order;
  for (size_t i = 0; i < book.size(); ++i) {
    if (book[i].side == side) {
      order.push_back(i);
    }
  }
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    const int64_t sign = side == Side::kBid ? -1 : 1;
    return std::tuple(sign * book[a].limit.micros_per_kwh(), book[a].create_time, book[a].id) <
           std::tuple(sign * book[b].limit.micros_per_kwh(), book[b].create_time, book[b].id);
  });
  std::vector<Unit> units;
  for (const size_t i : order) {
    for (int64_t n = 0; n < book[i].energy.wh(); ++n) {
      units.push_back({i, book[i].limit.micros_per_kwh(), book[i].participant.value()});
    }
  }
  return units;
}

// Tries every quantity: the best units of each side are the best use of it.
Naive BestQuantity(const std::vector<Unit>& bids, const std::vector<Unit>& offers, size_t orders) {
  Naive best;
  int64_t welfare = 0;
  for (size_t q = 1; q <= std::min(bids.size(), offers.size()); ++q) {
    welfare += bids[q - 1].limit - offers[q - 1].limit;
    if (welfare >= best.milli_welfare) {
      best.milli_welfare = welfare;
      best.energy = static_cast<int64_t>(q);
    }
  }
  best.fills.assign(orders, 0);
  std::map<std::string, int64_t> by_owner;
  for (size_t q = 0; q < static_cast<size_t>(best.energy); ++q) {
    for (const Unit& unit : {bids[q], offers[q]}) {
      ++best.fills[unit.order];
      ++by_owner[unit.owner];
    }
  }
  for (const auto& [owner, energy] : by_owner) {
    if (energy > best.energy) {
      best.dominating_owner = owner;
    }
  }
  return best;
}

std::vector<Unit> WithoutWorst(std::vector<Unit> units, const std::string& owner) {
  for (size_t i = units.size(); i > 0; --i) {
    if (units[i - 1].owner == owner) {
      units.erase(units.begin() + static_cast<std::ptrdiff_t>(i - 1));
      break;
    }
  }
  return units;
}

Naive ClearNaively(const std::vector<Order>& book) {
  const std::vector<Unit> bids = UnitsOf(book, Side::kBid);
  const std::vector<Unit> offers = UnitsOf(book, Side::kOffer);
  const Naive optimum = BestQuantity(bids, offers, book.size());
  if (optimum.dominating_owner.empty()) {
    return optimum;
  }
  std::vector<Unit> fewer_bids = bids;
  Naive by_bids = optimum;
  while (!by_bids.dominating_owner.empty()) {
    fewer_bids = WithoutWorst(fewer_bids, optimum.dominating_owner);
    by_bids = BestQuantity(fewer_bids, offers, book.size());
  }
  std::vector<Unit> fewer_offers = offers;
  Naive by_offers = optimum;
  while (!by_offers.dominating_owner.empty()) {
    fewer_offers = WithoutWorst(fewer_offers, optimum.dominating_owner);
    by_offers = BestQuantity(bids, fewer_offers, book.size());
  }
  Naive best = by_bids.milli_welfare >= by_offers.milli_welfare ? by_bids : by_offers;
  best.dominating_owner = optimum.dominating_owner;
  return best;
}

class RandomBooks {
 public:
  explicit RandomBooks(uint64_t seed) : random_(seed) {}

  std::vector<Order> Next() {
    const int size = Draw(0, 10);
    const int owners = Draw(0, 3) == 0 ? 1'000 : Draw(1, 5);
    const int energy_max = Draw(1, 8);
    const int price_max = Draw(0, 12);
    std::vector<Order> book;
    for (int i = 0; i < size; ++i) {
      Order order;
      order.id = OrderId("o" + std::to_string((i * 7 + 3) % 11));
      order.participant = ParticipantId("p" + std::to_string(Draw(1, owners)));
      order.side = Draw(0, 1) == 0 ? Side::kBid : Side::kOffer;
      order.energy = Energy::WattHours(Draw(1, energy_max));
      order.limit = Price::MicrosPerKwh(Draw(-price_max, price_max) * 501);
      order.create_time = absl::FromUnixSeconds(Draw(0, 3));
      order.state = OrderState::kActive;
      book.push_back(order);
    }
    return book;
  }

 private:
  int Draw(int low, int high) { return std::uniform_int_distribution<int>(low, high)(random_); }
  std::mt19937_64 random_;
};

void CheckTrades(const std::vector<Order>& book, const ClearingResult& result) {
  std::vector<int64_t> traded(book.size(), 0);
  int64_t total = 0;
  for (const PricedPair& trade : result.trades) {
    ASSERT_EQ(book[trade.bid].side, Side::kBid);
    ASSERT_EQ(book[trade.offer].side, Side::kOffer);
    ASSERT_NE(book[trade.bid].participant, book[trade.offer].participant);
    ASSERT_GE(trade.energy.wh(), 1);
    traded[trade.bid] += trade.energy.wh();
    traded[trade.offer] += trade.energy.wh();
    total += trade.energy.wh();
  }
  ASSERT_EQ(total, result.energy.wh());
  for (size_t i = 0; i < book.size(); ++i) {
    ASSERT_EQ(traded[i], result.fills[i].wh());
    ASSERT_LE(result.fills[i], book[i].energy);
  }
}

// At the price, everybody but an owner who would have sold to himself gets what he wants.
void CheckPriceSupports(const std::vector<Order>& book, const ClearingResult& result,
                        const std::string& dominating_owner) {
  ASSERT_EQ(result.price.has_value(), result.energy > Energy());
  if (!result.price.has_value()) {
    return;
  }
  ASSERT_LE(result.price_low, *result.price);
  ASSERT_LE(*result.price, result.price_high);
  for (size_t i = 0; i < book.size(); ++i) {
    for (const Price price : {result.price_low, *result.price, result.price_high}) {
      const bool is_bid = book[i].side == Side::kBid;
      const bool wants = is_bid ? book[i].limit > price : book[i].limit < price;
      const bool refuses = is_bid ? book[i].limit < price : book[i].limit > price;
      if (wants && book[i].participant.value() != dominating_owner) {
        ASSERT_EQ(result.fills[i], book[i].energy);
      }
      if (refuses) {
        ASSERT_EQ(result.fills[i], Energy());
      }
    }
  }
}

TEST(ClearPropertyTest, AgreesWithTheNaiveVersion) {
  const uint64_t seed = std::random_device()();
  std::cout << "seed " << seed << "\n";
  RandomBooks books(seed);
  int dominated = 0;
  int traded = 0;
  for (int i = 0; i < kBooks; ++i) {
    SCOPED_TRACE("book " + std::to_string(i) + " of seed " + std::to_string(seed));
    const std::vector<Order> book = books.Next();
    const auto result = Clear(book);
    ASSERT_TRUE(result.ok());
    const Naive naive = ClearNaively(book);
    ASSERT_EQ(result->energy.wh(), naive.energy);
    ASSERT_EQ(result->welfare.micros(), naive.milli_welfare / 1000);
    for (size_t n = 0; n < book.size(); ++n) {
      ASSERT_EQ(result->fills[n].wh(), naive.fills[n]);
    }
    CheckTrades(book, *result);
    CheckPriceSupports(book, *result, naive.dominating_owner);
    if (HasFatalFailure()) {
      return;
    }
    dominated += naive.dominating_owner.empty() ? 0 : 1;
    traded += naive.energy > 0 ? 1 : 0;
  }
  // The books must reach the rare paths, or this test proves little.
  EXPECT_GT(dominated, kBooks / 50);
  EXPECT_GT(traded, kBooks / 4);
}

// Large books sort by digits instead of by comparison, and owners meet themselves on the ring.
TEST(ClearPropertyTest, AgreesWithTheNaiveVersionOnLargeBooks) {
  const uint64_t seed = std::random_device()();
  std::cout << "seed " << seed << "\n";
  std::mt19937_64 random(seed);
  const auto draw = [&](int64_t low, int64_t high) {
    return std::uniform_int_distribution<int64_t>(low, high)(random);
  };
  for (int i = 0; i < 40; ++i) {
    SCOPED_TRACE("book " + std::to_string(i) + " of seed " + std::to_string(seed));
    const int64_t price_max = draw(0, 1) == 0 ? 40 : 900'000'000;
    const int64_t owners = draw(3, 2'000);
    std::vector<Order> book;
    for (int n = 0; n < 6'000; ++n) {
      Order& order = book.emplace_back();
      order.id = OrderId("o" + std::to_string(n));
      order.participant = ParticipantId("p" + std::to_string(draw(1, owners)));
      order.side = draw(0, 1) == 0 ? Side::kBid : Side::kOffer;
      order.energy = Energy::WattHours(draw(1, 9));
      order.limit = Price::MicrosPerKwh(draw(-price_max, price_max));
      order.create_time = absl::FromUnixSeconds(draw(0, 50));
      order.state = OrderState::kActive;
    }
    const auto result = Clear(book);
    ASSERT_TRUE(result.ok());
    const Naive naive = ClearNaively(book);
    ASSERT_EQ(result->energy.wh(), naive.energy);
    ASSERT_EQ(result->welfare.micros(), naive.milli_welfare / 1000);
    CheckTrades(book, *result);
    CheckPriceSupports(book, *result, naive.dominating_owner);
    if (HasFatalFailure()) {
      return;
    }
  }
}

}  // namespace
}  // namespace peerwatt::market
