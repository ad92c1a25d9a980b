#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "services/market/core/book/matching_engine.h"
#include "tests/property/market/book_faults.h"

namespace peerwatt::market::book {
namespace {

TEST(BookProperties, AgreeWithTheNaiveBook) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  const Trial trial = TryBooks(seed, 250, 4'000);
  EXPECT_EQ(trial.fault, "");
  EXPECT_GE(trial.commands, 1'000'000);
  EXPECT_GE(trial.trades, trial.commands / 20) << "the books are too easy";
  EXPECT_GE(trial.refused, trial.commands / 50) << "no rule is broken";
  EXPECT_LE(trial.refused, trial.commands / 2) << "too little gets through";
  EXPECT_GE(trial.resting_max, 500) << "no book is deep";
}

// A million orders a mode: a few owners with very many accounts and orders, many with several.
TEST(BookProperties, NobodyTradesWithHimselfInAnyMode) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  for (const SelfTradeMode mode :
       {SelfTradeMode::kPassOver, SelfTradeMode::kCancelNewest, SelfTradeMode::kCancelResting}) {
    SCOPED_TRACE(testing::Message() << "mode " << static_cast<int>(mode));
    constexpr uint64_t kOrders = 1'000'000;
    MatchingEngine engine({kOrders, 2'000});
    BookRules rules;
    rules.self_trade_mode = mode;
    Command command;
    command.book = engine.Open(rules);
    std::vector<uint32_t> owners(kOrders);
    std::vector<Event> events;
    int64_t trades = 0;
    int64_t self_trades = 0;
    int64_t cancelled = 0;
    for (uint64_t order = 0; order < kOrders; ++order) {
      owners[order] = static_cast<uint32_t>(random() % 4 == 0 ? random() % 4 : random() % 5'000);
      command.order = OrderNumber{order};
      command.owner = OwnerNumber{owners[order]};
      command.side = random() % 2 == 0 ? Side::kBid : Side::kOffer;
      command.energy = Energy::WattHours(static_cast<int64_t>(1 + random() % 2'000));
      command.limit = Price::MicrosPerKwh(static_cast<int64_t>(random() % 2'000) - 1'000);
      command.validity = static_cast<Validity>(random() % 3);
      events.clear();
      ASSERT_EQ(engine.Apply(command, events), Refusal::kNone);
      for (const Event& event : events) {
        if (event.kind == EventKind::kTraded) {
          ++trades;
          self_trades += owners[static_cast<uint64_t>(event.resting)] == owners[order];
        }
        cancelled += event.reason == CancelReason::kSelfTrade;
      }
    }
    EXPECT_EQ(self_trades, 0);
    EXPECT_GE(trades, 100'000);
    if (mode != SelfTradeMode::kPassOver) {
      EXPECT_GE(cancelled, 1'000) << "owners hardly meet themselves";
    }
  }
}

}  // namespace
}  // namespace peerwatt::market::book
