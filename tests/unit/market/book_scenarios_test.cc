// Tables that a market expert can read: what rests, what comes, what trades and what is left.

#include <gtest/gtest.h>

#include <map>
#include <ostream>
#include <string>
#include <vector>

#include "services/market/core/book/matching_engine.h"

namespace peerwatt::market::book {
namespace {

constexpr Side kBid = Side::kBid;
constexpr Side kOffer = Side::kOffer;

// An order: side, owner, energy and limit. Orders are numbered 1, 2, … as they stand in a table.
struct Row {
  Side side;
  char owner;
  int64_t energy_wh;
  int64_t limit;
  Validity validity = Validity::kGoodTillClosure;
  OrderKind kind = OrderKind::kLimit;
};

// A trade of the incoming order with a resting one.
struct Deal {
  uint64_t resting;
  int64_t energy_wh;
  int64_t price;

  bool operator==(const Deal&) const = default;
};

void PrintTo(const Deal& deal, std::ostream* out) {
  *out << "with " << deal.resting << ": " << deal.energy_wh << " Wh at " << deal.price;
}

// The last row comes in; the others rest before, even those of one owner that cross.
struct Scenario {
  const char* name;
  std::vector<Row> rows;
  std::vector<Deal> deals;
  std::map<uint64_t, int64_t> rests_wh;
  SelfTradeMode mode = SelfTradeMode::kPassOver;
};

struct Desk {
  explicit Desk(SelfTradeMode mode = SelfTradeMode::kPassOver) {
    BookRules rules;
    rules.price_min = Price::MicrosPerKwh(-100);
    rules.price_max = Price::MicrosPerKwh(5'000'000);
    rules.self_trade_mode = mode;
    number = engine.Open(rules);
  }

  Refusal Place(uint64_t order, const Row& row) {
    events.clear();
    Command command;
    command.book = number;
    command.order = OrderNumber{order};
    command.owner = OwnerNumber{static_cast<uint32_t>(row.owner)};
    command.side = row.side;
    command.energy = Energy::WattHours(row.energy_wh);
    command.limit = Price::MicrosPerKwh(row.limit);
    command.validity = row.validity;
    command.order_kind = row.kind;
    return engine.Apply(command, events);
  }
  Refusal Amend(uint64_t order, int64_t energy_wh, int64_t limit) {
    events.clear();
    Command command;
    command.book = number;
    command.kind = CommandKind::kAmend;
    command.order = OrderNumber{order};
    command.energy = Energy::WattHours(energy_wh);
    command.limit = Price::MicrosPerKwh(limit);
    return engine.Apply(command, events);
  }
  Refusal Cancel(uint64_t order) {
    events.clear();
    Command command;
    command.book = number;
    command.kind = CommandKind::kCancel;
    command.order = OrderNumber{order};
    return engine.Apply(command, events);
  }

  std::vector<Deal> Deals() const {
    std::vector<Deal> deals;
    for (const Event& event : events) {
      if (event.kind == EventKind::kTraded) {
        deals.push_back({static_cast<uint64_t>(event.resting), event.energy.wh(),
                         event.price.micros_per_kwh()});
      }
    }
    return deals;
  }
  std::map<uint64_t, int64_t> Rests() const {
    std::map<uint64_t, int64_t> rests;
    for (const RestingOrder& order : engine.Snapshot(number).orders) {
      rests[static_cast<uint64_t>(order.order)] = order.open.wh();
    }
    return rests;
  }

  MatchingEngine engine;
  BookNumber number{};
  std::vector<Event> events;
};

void ExpectOutcome(const Scenario& scenario) {
  SCOPED_TRACE(scenario.name);
  Desk desk(scenario.mode);
  for (size_t i = 0; i < scenario.rows.size(); ++i) {
    ASSERT_EQ(desk.Place(i + 1, scenario.rows[i]), Refusal::kNone) << "order " << i + 1;
  }
  EXPECT_EQ(desk.Deals(), scenario.deals);
  EXPECT_EQ(desk.Rests(), scenario.rests_wh);
}

TEST(BookScenarios, BetterPricesTradeFirstThenEarlierOrders) {
  for (const Scenario& scenario : std::vector<Scenario>{
           {"at the resting order's price, the best first",
            {{kOffer, 'A', 10, 30}, {kOffer, 'B', 10, 20}, {kBid, 'C', 15, 40}},
            {{2, 10, 20}, {1, 5, 30}},
            {{1, 5}}},
           {"the earlier of equal prices",
            {{kBid, 'A', 10, 30}, {kBid, 'B', 10, 30}, {kOffer, 'C', 12, 30}},
            {{1, 10, 30}, {2, 2, 30}},
            {{2, 8}}},
           {"what is left rests",
            {{kOffer, 'A', 10, 30}, {kBid, 'C', 15, 30}},
            {{1, 10, 30}},
            {{2, 5}}},
           {"prices that do not meet",
            {{kOffer, 'A', 10, 31}, {kBid, 'C', 15, 30}},
            {},
            {{1, 10}, {2, 15}}},
           {"below zero: the seller pays",
            {{kOffer, 'A', 10, -30}, {kBid, 'C', 10, -20}},
            {{1, 10, -30}},
            {}},
       }) {
    ExpectOutcome(scenario);
  }
}

TEST(BookScenarios, ValidityAndMarketOrders) {
  constexpr Validity kIoc = Validity::kImmediateOrCancel;
  constexpr Validity kFok = Validity::kFillOrKill;
  for (const Scenario& scenario : std::vector<Scenario>{
           {"immediate or cancel: the rest goes",
            {{kOffer, 'A', 10, 30}, {kBid, 'C', 15, 30, kIoc}},
            {{1, 10, 30}},
            {}},
           {"fill or kill: one Wh is missing",
            {{kOffer, 'A', 10, 30}, {kOffer, 'B', 9, 31}, {kBid, 'C', 20, 31, kFok}},
            {},
            {{1, 10}, {2, 9}}},
           {"fill or kill: enough within the limit",
            {{kOffer, 'A', 10, 30}, {kOffer, 'B', 10, 31}, {kBid, 'C', 20, 31, kFok}},
            {{1, 10, 30}, {2, 10, 31}},
            {}},
           {"fill or kill does not count what lies beyond the limit",
            {{kOffer, 'A', 10, 30}, {kOffer, 'B', 10, 32}, {kBid, 'C', 20, 31, kFok}},
            {},
            {{1, 10}, {2, 10}}},
           {"a market order takes every price of the book and never rests",
            {{kOffer, 'A', 10, 30},
             {kOffer, 'B', 10, 5'000'000},
             {kBid, 'C', 25, 0, kIoc, OrderKind::kMarket}},
            {{1, 10, 30}, {2, 10, 5'000'000}},
            {}},
           {"a market offer down to the lowest price",
            {{kBid, 'A', 10, -100}, {kOffer, 'C', 10, 0, kFok, OrderKind::kMarket}},
            {{1, 10, -100}},
            {}},
       }) {
    ExpectOutcome(scenario);
  }
}

TEST(BookScenarios, NobodyTradesWithHimself) {
  const std::vector<Row> rows = {{kOffer, 'A', 20'000, 1'000'000},
                                 {kOffer, 'B', 20'000, 1'000'000},
                                 {kOffer, 'C', 10'000, 1'000'000},
                                 {kBid, 'B', 70'000, 3'000'000}};
  std::vector<Row> fill_or_kill = rows;
  fill_or_kill[3].validity = Validity::kFillOrKill;
  fill_or_kill[3].energy_wh = 30'000;
  for (const Scenario& scenario : std::vector<Scenario>{
           {"the own order is passed over, then the next",
            rows,
            {{1, 20'000, 1'000'000}, {3, 10'000, 1'000'000}},
            {{2, 20'000}, {4, 40'000}},
            SelfTradeMode::kPassOver},
           {"the newest is cancelled",
            rows,
            {{1, 20'000, 1'000'000}},
            {{2, 20'000}, {3, 10'000}},
            SelfTradeMode::kCancelNewest},
           {"the resting one is cancelled",
            rows,
            {{1, 20'000, 1'000'000}, {3, 10'000, 1'000'000}},
            {{4, 40'000}},
            SelfTradeMode::kCancelResting},
           {"fill or kill counts what it may trade with",
            fill_or_kill,
            {{1, 20'000, 1'000'000}, {3, 10'000, 1'000'000}},
            {{2, 20'000}},
            SelfTradeMode::kPassOver},
           {"fill or kill counts nothing behind the order that would cancel it",
            fill_or_kill,
            {},
            {{1, 20'000}, {2, 20'000}, {3, 10'000}},
            SelfTradeMode::kCancelNewest},
           {"fill or kill that clears its own order away",
            fill_or_kill,
            {{1, 20'000, 1'000'000}, {3, 10'000, 1'000'000}},
            {},
            SelfTradeMode::kCancelResting},
       }) {
    ExpectOutcome(scenario);
  }
}

// Orders 1 and 2 offer 10 Wh each at 30; 1 has sold 4 of them. It is amended; then 7 Wh are taken.
TEST(BookScenarios, AnAmendmentKeepsItsPlaceOnlyWhenItReduces) {
  struct Case {
    const char* name;
    int64_t energy_wh;
    int64_t limit;
    std::vector<Deal> deals;
  };
  for (const Case& amended : std::vector<Case>{
           {"reduced: 4 sold, 5 open, still first", 9, 30, {{1, 5, 30}, {2, 2, 30}}},
           {"the same: still first", 10, 30, {{1, 6, 30}, {2, 1, 30}}},
           {"grown: last", 11, 30, {{2, 7, 30}}},
           {"a worse price: last", 9, 31, {{2, 7, 30}}},
           {"a better price: first, by price", 9, 29, {{1, 5, 29}, {2, 2, 30}}},
           {"to what it has sold: gone", 4, 30, {{2, 7, 30}}},
       }) {
    SCOPED_TRACE(amended.name);
    Desk desk;
    desk.Place(1, {kOffer, 'A', 10, 30});
    desk.Place(2, {kOffer, 'B', 10, 30});
    desk.Place(3, {kBid, 'C', 4, 30});
    EXPECT_EQ(desk.Amend(1, amended.energy_wh, amended.limit), Refusal::kNone);
    desk.Place(4, {kBid, 'D', 7, 40});
    EXPECT_EQ(desk.Deals(), amended.deals);
  }
  Desk desk;
  desk.Place(1, {kOffer, 'A', 10, 30});
  desk.Place(2, {kBid, 'B', 10, 20});
  EXPECT_EQ(desk.Amend(1, 10, 20), Refusal::kNone);
  EXPECT_EQ(desk.Deals(), (std::vector<Deal>{{2, 10, 20}})) << "a price that crosses trades";
}

TEST(BookScenarios, EventsTellTheWholeStory) {
  Desk desk;
  std::vector<std::string> story;
  const auto tell = [&] {
    constexpr const char* kKinds[] = {"accepted", "traded", "reduced", "cancelled", "expired"};
    for (const Event& event : desk.events) {
      story.push_back(std::to_string(event.sequence) + " " +
                      kKinds[static_cast<size_t>(event.kind)] + " " +
                      std::to_string(static_cast<uint64_t>(event.order)) + " " +
                      std::to_string(event.energy.wh()));
    }
  };
  desk.Place(1, {kOffer, 'A', 10, 30});
  tell();
  desk.Place(2, {kBid, 'B', 4, 30, Validity::kImmediateOrCancel});
  tell();
  desk.Amend(1, 9, 30);
  tell();
  desk.Amend(1, 20, 30);
  tell();
  desk.Place(3, {kBid, 'B', 5, 10});
  tell();
  desk.Cancel(3);
  tell();
  desk.events.clear();
  desk.engine.Close(desk.number, desk.events);
  tell();
  EXPECT_EQ(story,
            (std::vector<std::string>{"1 accepted 1 10", "2 accepted 2 4", "3 traded 2 4",
                                      "4 reduced 1 5", "5 cancelled 1 5", "6 accepted 1 16",
                                      "7 accepted 3 5", "8 cancelled 3 5", "9 expired 1 16"}));
  EXPECT_EQ(desk.Cancel(1), Refusal::kBookClosed);
}

TEST(BookScenarios, RefusesInTheOrderOfTheRules) {
  Desk desk;
  const Row good = {kOffer, 'A', 10, 30};
  ASSERT_EQ(desk.Place(1, good), Refusal::kNone);
  Row row = {kBid, 'B', 0, 5'000'001, Validity::kGoodTillClosure, OrderKind::kMarket};
  EXPECT_EQ(desk.Place(1, row), Refusal::kValidityInvalid);
  row.kind = OrderKind::kLimit;
  EXPECT_EQ(desk.Place(1, row), Refusal::kEnergyOutOfRange);
  row.energy_wh = kEnergyMax.wh() + 1;
  EXPECT_EQ(desk.Place(1, row), Refusal::kEnergyOutOfRange);
  row.energy_wh = kEnergyMax.wh();
  EXPECT_EQ(desk.Place(1, row), Refusal::kPriceOutOfRange);
  row.limit = -101;
  EXPECT_EQ(desk.Place(1, row), Refusal::kPriceOutOfRange);
  row.limit = -100;
  EXPECT_EQ(desk.Place(1, row), Refusal::kOrderExists);
  EXPECT_EQ(desk.Place(2, row), Refusal::kNone);
  EXPECT_EQ(desk.Amend(1, 0, 5'000'001), Refusal::kEnergyOutOfRange);
  EXPECT_EQ(desk.Amend(3, 1, 5'000'001), Refusal::kPriceOutOfRange);
  EXPECT_EQ(desk.Amend(3, 1, 5'000'000), Refusal::kOrderUnknown);
  EXPECT_EQ(desk.Cancel(3), Refusal::kOrderUnknown);
  desk.number = BookNumber{1};
  EXPECT_EQ(desk.Cancel(1), Refusal::kBookUnknown);
  EXPECT_TRUE(desk.events.empty());
}

TEST(BookScenarios, AFullBookTakesOnlyWhatDoesNotRest) {
  Desk desk;
  BookRules rules;
  rules.resting_orders_max = 1;
  desk.number = desk.engine.Open(rules);
  EXPECT_EQ(desk.Place(1, {kOffer, 'A', 10, 30}), Refusal::kNone);
  EXPECT_EQ(desk.Place(2, {kOffer, 'B', 10, 30}), Refusal::kBookFull);
  EXPECT_EQ(desk.Place(3, {kBid, 'C', 4, 30, Validity::kImmediateOrCancel}), Refusal::kNone);
  EXPECT_EQ(desk.Deals(), (std::vector<Deal>{{1, 4, 30}}));
}

}  // namespace
}  // namespace peerwatt::market::book
