#include "services/settlement/rpc/encode.h"

#include <gtest/gtest.h>

namespace peerwatt::settlement {
namespace {

const CommunityId kCommunity("c1");
const absl::Time kPeriod = absl::FromCivil(absl::CivilSecond(2026, 7, 1, 10, 15, 0),
                                           absl::UTCTimeZone());

TEST(Encode, ShowsWhatOfAnAccountIsAvailable) {
  v1::LedgerAccount proto;
  Encode(kCommunity, "EUR",
         {AccountId("participant-p1"), Money::Micros(5'500'000), Money::Micros(2'000'000)}, proto);
  EXPECT_EQ(proto.name(), "communities/c1/ledgerAccounts/participant-p1");
  EXPECT_EQ(proto.kind(), v1::LedgerAccount::PARTICIPANT);
  EXPECT_EQ(proto.participant(), "participants/p1");
  EXPECT_EQ(proto.balance().units(), 5);
  EXPECT_EQ(proto.balance().nanos(), 500'000'000);
  EXPECT_EQ(proto.available().units(), 3);
  EXPECT_EQ(proto.available().currency_code(), "EUR");
}

TEST(Encode, NamesTradeAndEntryOfALine) {
  PostedBillLine posted;
  posted.period_start = kPeriod;
  posted.run = 2;
  posted.entry_number = 17;
  posted.line.key = {ParticipantId("p1"), GridConnectionId("g1"), LineKind::kPurchase,
                     TradeId("t9")};
  posted.line.energy = Energy::WattHours(-5);
  v1::SettlementLine proto;
  Encode(kCommunity, "EUR", posted, proto);
  EXPECT_EQ(proto.trade(), "communities/c1/auctions/20260701t101500z/trades/t9");
  EXPECT_EQ(proto.journal_entry(), "communities/c1/journalEntries/17");
  EXPECT_EQ(proto.kind(), v1::SettlementLine::PURCHASE);
  EXPECT_EQ(proto.energy_wh(), -5);
  EXPECT_EQ(proto.run(), 2);
}

TEST(Encode, LeavesAmountAndPriceAbsentWhereThePriceIsMissing) {
  PostedBillLine posted;
  posted.line.key.kind = LineKind::kRetail;
  posted.line.energy = Energy::WattHours(5);
  for (const bool missing : {true, false}) {
    posted.line.key.is_price_missing = missing;
    v1::SettlementLine proto;
    Encode(kCommunity, "EUR", posted, proto);
    EXPECT_EQ(proto.has_amount(), !missing);
    EXPECT_EQ(proto.has_price_per_kwh(), !missing);
    EXPECT_EQ(proto.price_missing(), missing);
    EXPECT_EQ(proto.energy_wh(), 5);
  }
}

TEST(Encode, SaysWhatPricedALineAndWhetherTaxIsDue) {
  PostedBillLine posted;
  posted.line.key.kind = LineKind::kSubscription;
  posted.line.key.is_taxable = false;
  posted.line.rule_id = "tariffs/t1/subscription";
  v1::SettlementLine proto;
  Encode(kCommunity, "EUR", posted, proto);
  EXPECT_EQ(proto.kind(), v1::SettlementLine::SUBSCRIPTION);
  EXPECT_EQ(proto.rule(), "communities/c1/tariffs/t1/subscription");
  EXPECT_FALSE(proto.taxable());
  EXPECT_FALSE(proto.has_price_per_kwh());
  EXPECT_TRUE(proto.has_amount());
}

TEST(Encode, ABillSaysThatAPriceIsMissing) {
  for (const int64_t missing_wh : {0, 4}) {
    v1::Bill bill;
    Encode("EUR",
           {{LineKind::kRetail, Energy::WattHours(10), Money::Micros(-3),
             Energy::WattHours(missing_wh)}},
           bill);
    EXPECT_EQ(bill.price_missing(), missing_wh != 0);
    EXPECT_EQ(bill.items(0).price_missing_energy_wh(), missing_wh);
  }
}

TEST(Encode, KeepsReferenceLinesOutOfABillsItems) {
  v1::Bill bill;
  Encode("EUR",
         {{LineKind::kPurchase, Energy::WattHours(10), Money::Micros(-2'000'000)},
          {LineKind::kFeedIn, Energy::WattHours(10), Money::Micros(500'000)},
          {LineKind::kReferenceDraw, Energy::WattHours(10), Money::Micros(-3'000'000)},
          {LineKind::kReferenceFeedIn, Energy::WattHours(10), Money::Micros(400'000)}},
         bill);
  ASSERT_EQ(bill.items_size(), 2);
  EXPECT_EQ(bill.items(1).kind(), v1::SettlementLine::FEED_IN);
  EXPECT_EQ(bill.total().units(), -1);
  EXPECT_EQ(bill.total().nanos(), -500'000'000);
  EXPECT_EQ(bill.total_without_trading().units(), -2);
  EXPECT_EQ(bill.total_without_trading().nanos(), -600'000'000);
}

}  // namespace
}  // namespace peerwatt::settlement
