#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "services/settlement/core/difference.h"
#include "services/settlement/core/journal_entry.h"
#include "services/settlement/core/settlement.h"

namespace peerwatt::settlement {
namespace {

constexpr uint32_t kSeed = 20260701;

/// Makes random periods: small numbers, so that ties, zeros and shortfalls are frequent.
class PeriodMaker {
 public:
  explicit PeriodMaker(uint32_t seed) : random_(seed) {}

  int64_t Number(int64_t low, int64_t high) {
    return std::uniform_int_distribution<int64_t>(low, high)(random_);
  }

  Connection MakeConnection(size_t index) {
    return {ParticipantId(absl::StrCat("p", index / 2)), GridConnectionId(absl::StrCat("c", index)),
            Energy::WattHours(Number(0, 3) == 0 ? 0 : Number(0, 4000)),
            Energy::WattHours(Number(0, 3) == 0 ? 0 : Number(0, 4000)), Number(0, 9) == 0};
  }

  SettlementInput MakePeriod() {
    SettlementInput input;
    input.fees = {Number(0, 2) * 33'333};
    input.tariff = {Price::MicrosPerKwh(Number(-100'001, 400'001)),
                    Price::MicrosPerKwh(Number(-100'001, 100'001))};
    const auto connections = static_cast<size_t>(Number(2, 8));
    for (size_t i = 0; i < connections; ++i) input.connections.push_back(MakeConnection(i));
    const Price price = Price::MicrosPerKwh(Number(-200'001, 400'001));
    const int64_t trades = Number(0, 10);
    for (int64_t i = 0; i < trades; ++i) {
      const auto last = static_cast<int64_t>(connections) - 1;
      input.trades.push_back({TradeId(absl::StrCat("t", i)), Energy::WattHours(Number(1, 2000)),
                              price, Price::MicrosPerKwh(Number(-2, 5) * 3'333),
                              static_cast<size_t>(Number(0, last)),
                              static_cast<size_t>(Number(0, last))});
    }
    return input;
  }

  /// Changes what is measured, or the tariff, as later readings and corrections do.
  void Correct(SettlementInput& input) {
    const auto last = static_cast<int64_t>(input.connections.size()) - 1;
    const auto index = static_cast<size_t>(Number(0, last));
    if (Number(0, 9) == 0) {
      input.tariff.retail = Price::MicrosPerKwh(Number(-100'001, 400'001));
    } else if (Number(0, 9) == 0) {
      // The metering point changes hands.
      input.connections[index].participant = ParticipantId(absl::StrCat("p", Number(0, 9)));
    } else {
      input.connections[index] = MakeConnection(index);
    }
  }

 private:
  std::mt19937 random_;
};

using Balances = std::map<AccountId, Money>;

void Post(const RunEntries& run, Balances& balances) {
  for (const JournalEntry& entry : run.entries) {
    Money sum;
    for (const Posting& posting : entry.postings) {
      balances[posting.account] += posting.amount;
      sum += posting.amount;
    }
    ASSERT_EQ(sum, Money());
    ASSERT_GE(entry.postings.size(), 2);
  }
}

/// What the lines of one period say, added up without the engine's help.
struct LineSums {
  int64_t drawn = 0;
  int64_t fed_in = 0;
  int64_t bought = 0;
  int64_t sold = 0;
  int64_t retail = 0;
  int64_t surplus = 0;
};

LineSums SumsOf(const std::vector<Line>& lines) {
  LineSums sums;
  for (const Line& line : lines) {
    const int64_t wh = line.energy.wh();
    switch (line.key.kind) {
      case LineKind::kPurchase: sums.bought += wh; break;
      case LineKind::kSale: sums.sold += wh; break;
      case LineKind::kRetail: sums.retail += wh; break;
      case LineKind::kFeedIn: sums.surplus += wh; break;
      case LineKind::kReferenceDraw: sums.drawn += wh; break;
      case LineKind::kReferenceFeedIn: sums.fed_in += wh; break;
      default: break;
    }
  }
  return sums;
}

TEST(SettlementProperty, ConservesEnergyAndMoneyInEveryPeriod) {
  RecordProperty("seed", kSeed);
  PeriodMaker maker(kSeed);
  int64_t delivered_periods = 0;
  for (int i = 0; i < 100'000; ++i) {
    SCOPED_TRACE(testing::Message() << "seed " << kSeed << " period " << i);
    const SettlementInput input = maker.MakePeriod();
    const SettlementResult result = Settle(input);

    int64_t drawn = 0;
    int64_t fed_in = 0;
    for (const Connection& connection : input.connections) {
      const int64_t net = connection.import_energy.wh() - connection.export_energy.wh();
      drawn += std::max<int64_t>(net, 0);
      fed_in += std::max<int64_t>(-net, 0);
    }
    const LineSums sums = SumsOf(result.lines);
    ASSERT_EQ(sums.drawn, drawn);
    ASSERT_EQ(sums.fed_in, fed_in);
    ASSERT_EQ(sums.bought, sums.sold);
    ASSERT_EQ(drawn, sums.bought + sums.retail);
    ASSERT_EQ(fed_in, sums.sold + sums.surplus);
    ASSERT_EQ(result.totals.delivered.wh(), sums.bought);
    if (sums.bought > 0) ++delivered_periods;

    // Every participant's account changes by exactly its lines; all accounts together by nothing.
    Balances balances;
    Post(EntriesOf(absl::UnixEpoch(), 1, result.lines), balances);
    Balances by_lines;
    for (const Line& line : result.lines) {
      if (!IsReference(line.key.kind)) {
        by_lines[ParticipantAccount(line.key.participant)] += line.amount;
      }
    }
    Money total;
    for (const auto& [account, balance] : balances) {
      total += balance;
      if (KindOf(account) == AccountKind::kParticipant) {
        ASSERT_EQ(balance, by_lines[account]);
        by_lines.erase(account);
      }
    }
    ASSERT_EQ(total, Money());
    for (const auto& [account, amount] : by_lines) ASSERT_EQ(amount, Money());
  }
  // A test of deliveries needs deliveries.
  EXPECT_GT(delivered_periods, 30'000);
}

TEST(SettlementProperty, NeverDeliversMoreThanTradedNorThanMoved) {
  PeriodMaker maker(kSeed + 1);
  for (int i = 0; i < 20'000; ++i) {
    const SettlementInput input = maker.MakePeriod();
    std::map<TradeId, int64_t> traded;
    for (const ConnectedTrade& trade : input.trades) traded[trade.id] = trade.energy.wh();
    for (const Line& line : Settle(input).lines) {
      ASSERT_GE(line.energy, Energy());
      if (line.key.kind == LineKind::kPurchase) {
        ASSERT_LE(line.energy.wh(), traded[line.key.trade]);
      }
    }
  }
}

TEST(SettlementProperty, SumOverCorrectionRunsEqualsAFromScratchRun) {
  PeriodMaker maker(kSeed + 2);
  int64_t differences = 0;
  for (int i = 0; i < 5'000; ++i) {
    SCOPED_TRACE(testing::Message() << "seed " << kSeed + 2 << " period " << i);
    SettlementInput input = maker.MakePeriod();
    std::map<LineKey, PostedLine> posted;
    Balances balances;
    const int64_t runs = maker.Number(1, 6);
    for (int32_t run = 1; run <= runs; ++run) {
      std::vector<PostedLine> so_far;
      for (const auto& [key, line] : posted) so_far.push_back(line);
      const std::vector<Line> lines = DifferenceOf(Settle(input).lines, so_far);
      Post(EntriesOf(absl::UnixEpoch(), run, lines), balances);
      for (const Line& line : lines) {
        PostedLine& sum = posted[line.key];
        sum.key = line.key;
        sum.energy += line.energy;
        sum.amount += line.amount;
      }
      if (run > 1 && !lines.empty()) ++differences;
      // Nothing changed: another run posts nothing.
      std::vector<PostedLine> now;
      for (const auto& [key, line] : posted) now.push_back(line);
      ASSERT_TRUE(DifferenceOf(Settle(input).lines, now).empty());
      if (run < runs) maker.Correct(input);
    }
    const SettlementResult scratch = Settle(input);
    Balances expected;
    Post(EntriesOf(absl::UnixEpoch(), 1, scratch.lines), expected);
    std::erase_if(balances, [](const auto& b) { return b.second == Money(); });
    std::erase_if(expected, [](const auto& b) { return b.second == Money(); });
    ASSERT_EQ(balances, expected);
    for (const Line& line : scratch.lines) {
      ASSERT_EQ(posted[line.key].energy, line.energy);
      ASSERT_EQ(posted[line.key].amount, line.amount);
      posted.erase(line.key);
    }
    for (const auto& [key, line] : posted) {
      ASSERT_EQ(line.energy, Energy());
      ASSERT_EQ(line.amount, Money());
    }
  }
  EXPECT_GT(differences, 5'000);
}

}  // namespace
}  // namespace peerwatt::settlement
