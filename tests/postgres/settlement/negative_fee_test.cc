// A trade against the flow of a full line relieves it: its network fee is below zero, and the
// network operator pays the buyer.

#include <gtest/gtest.h>

#include "services/settlement/rpc/encode.h"
#include "tests/postgres/settlement/run_fixture.h"

namespace peerwatt::settlement {
namespace {

class NegativeFeeTest : public RunTest {
 protected:
  void SetUp() override {
    RunTest::SetUp();
    market_.trades[Quarter(0)].front().network_fee = Price::MicrosPerKwh(-30'000);
  }
  v1::Bill BillOf(const std::string& participant) {
    const auto items = books_.SumLines(community_, ParticipantId(participant), {});
    EXPECT_TRUE(items.ok()) << items.status();
    v1::Bill bill;
    if (items.ok()) Encode("EUR", *items, bill);
    return bill;
  }
};

TEST_F(NegativeFeeTest, TheNetworkOperatorPaysTheBuyer) {
  Replica replica(*this);
  replica.CatchUp();
  EXPECT_EQ(BalanceOf("buyer"), -170'000) << "1 kWh at 0.20, 0.03 back";
  EXPECT_EQ(BalanceOf("seller"), 220'000) << "as with any fee";
  EXPECT_EQ(SystemBalance(AccountKind::kNetworkOperator), -30'000);
  EXPECT_EQ(SystemBalance(AccountKind::kOperatorShare), 20'000) << "of the trade, not of the fee";
}

TEST_F(NegativeFeeTest, TheBillShowsItAsReceived) {
  Replica replica(*this);
  replica.CatchUp();
  const v1::Bill bill = BillOf("buyer");
  ASSERT_EQ(bill.items_size(), 2);
  EXPECT_EQ(bill.items(0).kind(), v1::SettlementLine::PURCHASE);
  EXPECT_EQ(bill.items(0).amount().nanos(), -200'000'000);
  EXPECT_EQ(bill.items(1).kind(), v1::SettlementLine::NETWORK_FEE);
  EXPECT_EQ(bill.items(1).energy_wh(), 1000);
  EXPECT_EQ(bill.items(1).amount().nanos(), 30'000'000);
  EXPECT_EQ(bill.total().nanos(), -170'000'000);
  const auto lines = books_.ListLines(community_, ParticipantId("buyer"), {}, {}, 10);
  ASSERT_TRUE(lines.ok()) << lines.status();
  ASSERT_EQ(lines->size(), 2U);
  v1::SettlementLine line;
  Encode(community_, "EUR", (*lines)[1], line);
  EXPECT_EQ(line.price_per_kwh().nanos(), -30'000'000);
  EXPECT_EQ(line.amount().nanos(), 30'000'000);
}

TEST_F(NegativeFeeTest, ACorrectionTakesItBackInPart) {
  Replica replica(*this);
  replica.CatchUp();
  metering_.Store("seller", Quarter(0), 0, 500);
  replica.CatchUp();
  EXPECT_EQ(BalanceOf("buyer"), -100'000 + 15'000 - 150'000) << "half from the seller, half retail";
  EXPECT_EQ(SystemBalance(AccountKind::kNetworkOperator), -15'000);
  ExpectSameAsFromScratch();
}

TEST_F(NegativeFeeTest, TheOperatorsAccountMayGoBelowZero) {
  // The network operator has received nothing yet; its account may go below zero all the same.
  EXPECT_EQ(SystemBalance(AccountKind::kNetworkOperator), 0);
  Replica replica(*this);
  replica.CatchUp();
  EXPECT_EQ(LoadProgress().settled_through, Quarter(1));
  EXPECT_EQ(SystemBalance(AccountKind::kNetworkOperator), -30'000);
}

}  // namespace
}  // namespace peerwatt::settlement
