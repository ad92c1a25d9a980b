#include "services/settlement/core/welfare.h"

#include <gtest/gtest.h>

namespace peerwatt::settlement {
namespace {

Trade TradeOf(const char* id, int64_t wh, int64_t gain) {
  Trade trade;
  trade.id = TradeId(id);
  trade.energy = Energy::WattHours(wh);
  trade.gain = Price::MicrosPerKwh(gain);
  return trade;
}

Line LineOf(const char* trade, LineKind kind, int64_t wh) {
  Line line;
  line.key.kind = kind;
  line.key.trade = TradeId(trade);
  line.energy = Energy::WattHours(wh);
  return line;
}

TEST(WelfareOfTest, TakesOffTheGainOfWhatWasNotDelivered) {
  const std::vector<Trade> trades = {TradeOf("t1", 1000, 150'000), TradeOf("t2", 500, 40'000),
                                     TradeOf("t3", 100, 7)};
  const std::vector<Line> lines = {
      LineOf("t1", LineKind::kPurchase, 600), LineOf("t1", LineKind::kSale, 600),
      LineOf("t1", LineKind::kNetworkFee, 600), LineOf("t2", LineKind::kPurchase, 500)};
  // 400 Wh at 0.15, none of t2, and all of t3: 0.7 micro-units, rounded up.
  EXPECT_EQ(WelfareOf(Money::Micros(200'000), trades, lines),
            (Welfare{Money::Micros(200'000), Money::Micros(200'000 - 60'000 - 1)}));
}

TEST(WelfareOfTest, IsNeverBelowZero) {
  EXPECT_EQ(WelfareOf(Money::Micros(1), {TradeOf("t1", 1000, 1), TradeOf("t2", 999, 1)}, {}),
            (Welfare{Money::Micros(1), Money()}));
}

}  // namespace
}  // namespace peerwatt::settlement
