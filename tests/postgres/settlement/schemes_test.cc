// Periods by the scheme in force: sharing, fixed-price pool, firm trades.

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "absl/strings/str_cat.h"
#include "tests/postgres/settlement/run_fixture.h"

namespace peerwatt::settlement {
namespace {

constexpr uint32_t kSeed = 20260701;

class SchemesTest : public RunTest {
 protected:
  static Scheme SchemeOf(const std::string& id, absl::Time starts_at, Mechanism mechanism) {
    Scheme scheme;
    scheme.id = SchemeId(id);
    scheme.starts_at = starts_at;
    scheme.mechanism = mechanism;
    scheme.local_price = Price::MicrosPerKwh(100'000);
    return scheme;
  }
  static Scheme FirmFrom(absl::Time starts_at) {
    Scheme scheme = SchemeOf("firm", starts_at, Mechanism::kTrading);
    scheme.policy = DeliveryPolicy::kFirm;
    scheme.imbalance_purchase = Price::MicrosPerKwh(500'000);
    return scheme;
  }
  void StoreQuarter(int quarter, int64_t buyer, int64_t seller, int64_t consumer) {
    metering_.Store("buyer", Quarter(quarter), buyer, 0);
    metering_.Store("seller", Quarter(quarter), 0, seller);
    metering_.Store("consumer", Quarter(quarter), consumer, 0);
  }
};

TEST_F(SchemesTest, ASharingPeriodSettlesWithoutTheMarket) {
  registry_.schemes = {SchemeOf("shared", Quarter(0), Mechanism::kSharing)};
  market_.answers = false;
  Replica replica(*this);
  replica.CatchUp();
  EXPECT_EQ(BalanceOf("buyer"), -100'000) << "1 kWh at 0.10";
  EXPECT_EQ(BalanceOf("consumer"), -40'000) << "0.4 kWh at 0.10";
  EXPECT_EQ(BalanceOf("seller"), 140'000 - 14'000 + 8'000) << "less a tenth, 0.1 kWh at 0.08";
  EXPECT_EQ(SystemBalance(AccountKind::kOperatorShare), 14'000);
  EXPECT_EQ(SystemBalance(AccountKind::kMainGrid), -8'000);
  EXPECT_EQ(PeriodAt(0).scheme, SchemeId("shared"));
  EXPECT_EQ(PeriodAt(0).totals.delivered, Energy::WattHours(1400));
  const std::vector<PostedEntry> entries = Entries(community_);
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_EQ(entries[0].entry.idempotency_key, "pool:20260701t000000z:1");
  EXPECT_EQ(entries[1].entry.kind, "feed-in");
}

TEST_F(SchemesTest, APoolDividesWhatWasPaid) {
  Scheme pool = SchemeOf("pool", Quarter(0), Mechanism::kFixedPricePool);
  pool.operator_share_ppm = 200'000;
  registry_.schemes = {pool};
  metering_.Store("consumer", Quarter(0), 0, 500);
  Replica replica(*this);
  replica.CatchUp();
  // The buyer takes 1 of 2 kWh for 0.10; 0.02 are kept, 0.08 distributed 3 to 1.
  EXPECT_EQ(BalanceOf("buyer"), -100'000);
  EXPECT_EQ(BalanceOf("seller"), 60'000 + 60'000) << "and 0.75 kWh at 0.08";
  EXPECT_EQ(BalanceOf("consumer"), 20'000 + 20'000) << "and 0.25 kWh at 0.08";
  EXPECT_EQ(SystemBalance(AccountKind::kOperatorShare), 20'000);
}

TEST_F(SchemesTest, FirmTradesPayAndDeviationsAreImbalance) {
  registry_.schemes = {FirmFrom(Quarter(0))};
  StoreQuarter(0, 600, 700, 400);
  Replica replica(*this);
  replica.CatchUp();
  EXPECT_EQ(BalanceOf("buyer"), -220'000 + 32'000) << "0.4 kWh less than bought, at 0.08";
  EXPECT_EQ(BalanceOf("seller"), 180'000 - 150'000) << "0.3 kWh less than sold, at 0.50";
  EXPECT_EQ(BalanceOf("consumer"), -120'000);
  const SettledPeriod period = PeriodAt(0);
  EXPECT_EQ(period.totals.delivered, Energy::WattHours(1000));
  EXPECT_EQ(period.totals.imbalance_bought, Energy::WattHours(300));
  EXPECT_EQ(period.totals.imbalance_sold, Energy::WattHours(400));
  // The meter of the seller was wrong: only its own imbalance changes.
  metering_.Store("seller", Quarter(0), 0, 1000);
  replica.CatchUp();
  EXPECT_EQ(BalanceOf("seller"), 180'000);
  EXPECT_EQ(BalanceOf("buyer"), -220'000 + 32'000);
  EXPECT_EQ(Entries(community_).back().entry.idempotency_key,
            "imbalance-purchase:20260701t000000z:seller:connection:2");
  ExpectSameAsFromScratch();
}

TEST_F(SchemesTest, EachPeriodHasTheSchemeThatWasInForceAlsoWhenItIsRestated) {
  registry_.schemes = {SchemeOf("shared", Quarter(1), Mechanism::kSharing), FirmFrom(Quarter(2))};
  StoreQuarter(1, 1000, 1500, 400);
  StoreQuarter(2, 1000, 1500, 400);
  // The market has auctions for the first and the third quarter, and finishes the third late.
  market_.final_until = Quarter(1);
  clock_.Set(Quarter(3));
  Replica replica(*this);
  replica.CatchUp();
  EXPECT_EQ(LoadProgress().settled_through, Quarter(2)) << "the third waits for its auction";
  EXPECT_EQ(PeriodAt(0).scheme, SchemeId());
  EXPECT_EQ(PeriodAt(1).scheme, SchemeId("shared"));
  EXPECT_EQ(BalanceOf("buyer"), -220'000 - 100'000);
  market_.final_until = Quarter(3);
  clock_.Advance(absl::Seconds(1));
  replica.runner.Step();
  EXPECT_EQ(PeriodAt(2).scheme, SchemeId("firm"));
  for (int quarter = 0; quarter < 3; ++quarter) StoreQuarter(quarter, 900, 1500, 400);
  replica.CatchUp();
  EXPECT_EQ(PeriodAt(0).run_count, 2);
  EXPECT_EQ(PeriodAt(0).totals.delivered, Energy::WattHours(900)) << "of the trade";
  EXPECT_EQ(PeriodAt(1).totals.delivered, Energy::WattHours(1300)) << "of the pool";
  EXPECT_EQ(PeriodAt(2).totals.delivered, Energy()) << "without trades nothing is firm";
  ExpectSameAsFromScratch();
}

TEST_F(SchemesTest, ManyCorrectionsSumToASettlementFromScratchUnderEachScheme) {
  SCOPED_TRACE(absl::StrCat("seed ", kSeed));
  std::mt19937 random(kSeed);
  const auto number = [&](int64_t high) {
    return std::uniform_int_distribution<int64_t>(0, high)(random);
  };
  Scheme by_key = SchemeOf("key", Quarter(1), Mechanism::kSharing);
  by_key.key = SharingKey::kRelative;
  by_key.shares = {{MeteringPointId("buyer"), 333'333},
                   {MeteringPointId("consumer"), 333'333},
                   {MeteringPointId("gone"), 333'334}};
  registry_.schemes = {FirmFrom(Quarter(0)), by_key,
                       SchemeOf("pool", Quarter(2), Mechanism::kFixedPricePool)};
  StoreQuarter(1, 1000, 1500, 400);
  StoreQuarter(2, 1000, 1500, 400);
  clock_.Set(Quarter(3));
  Replica replica(*this);
  replica.CatchUp();
  const std::vector<Member>& members = registry_.snapshot.members;
  for (int i = 0; i < 40; ++i) {
    const Member& member = members[static_cast<size_t>(number(2))];
    metering_.Store(member.point.value(), Quarter(static_cast<int>(number(2))), number(2000),
                    number(2000));
    replica.CatchUp();
  }
  for (int quarter = 0; quarter < 3; ++quarter) EXPECT_GT(PeriodAt(quarter).run_count, 4);
  ExpectSameAsFromScratch();
}

TEST_F(SchemesTest, TheDatabaseHoldsPeriodsToWhatTheirPolicyConserves) {
  const auto refused = [&](const std::string& set) {
    pqxx::connection connection(database_->owner_dsn());
    pqxx::work tx(connection);
    tx.exec(
        "INSERT INTO settlement_periods (community_id, period_start_at, period_end_at, "
        "run_count, drawn_wh, fed_in_wh, self_consumed_wh, delivered_wh, retail_wh, "
        "surplus_wh, substituted_count, readings_cursor) "
        "VALUES ('x', now(), now() + interval '1 hour', 1, 3, 2, 0, 2, 1, 0, 0, 0)");
    try {
      tx.exec("UPDATE settlement_periods SET " + set);
    } catch (const pqxx::check_violation&) {
      return true;
    }
    return false;
  };
  EXPECT_FALSE(refused("drawn_wh = 3"));
  EXPECT_TRUE(refused("delivered_wh = 1")) << "energy gets lost";
  EXPECT_TRUE(refused("imbalance_bought_wh = 1, imbalance_sold_wh = 1"));
  EXPECT_FALSE(refused("is_firm = true, imbalance_bought_wh = 1, imbalance_sold_wh = 1"));
  EXPECT_TRUE(refused("is_firm = true, imbalance_bought_wh = 1"));
}

}  // namespace
}  // namespace peerwatt::settlement
