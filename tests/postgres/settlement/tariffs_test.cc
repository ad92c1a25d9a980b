#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "services/settlement/storage/postgres_run_log.h"
#include "tests/postgres/settlement/run_fixture.h"

namespace peerwatt::settlement {
namespace {

using Strings = std::vector<std::string>;

/// The first quarter is 00:00 UTC on 1 July 2026; the community keeps UTC.
class TariffsTest : public RunTest {
 protected:
  static TariffRules RulesAt(int64_t retail, int64_t feed_in) {
    TariffRules rules;
    rules.retail.default_price = Price::MicrosPerKwh(retail);
    rules.feed_in.default_price = Price::MicrosPerKwh(feed_in);
    return rules;
  }
  void WithoutTariff() { registry_.tariffs = {}; }
  /// Lines of a participant as `run kind energy amount`, in order.
  Strings LinesOf(const std::string& participant) {
    const auto lines = books_.ListLines(community_, ParticipantId(participant), {}, {}, 100);
    EXPECT_TRUE(lines.ok()) << lines.status();
    Strings told;
    for (const PostedBillLine& posted : *lines) {
      const Line& line = posted.line;
      EXPECT_EQ(posted.entry_number.has_value(), line.amount != Money());
      told.push_back(absl::StrCat(
          posted.run, " ", static_cast<int>(line.key.kind), " ", line.energy.wh(), " Wh ",
          line.key.is_price_missing ? "no price" : absl::StrCat(line.amount.micros()),
          line.key.is_taxable ? "" : " free"));
    }
    return told;
  }
  int64_t MissingOf(const std::string& participant) {
    const auto items = books_.SumLines(community_, ParticipantId(participant), {});
    Energy missing;
    for (const BillItem& item : *items) {
      if (!IsReference(item.kind)) missing += item.price_missing;
    }
    return missing.wh();
  }
  int64_t CountMissing() { return books_.CountPriceMissing().value(); }
};

TEST_F(TariffsTest, APeriodWithoutATariffSettlesAndGetsItsPricesLater) {
  WithoutTariff();
  Replica replica(*this);
  replica.CatchUp();
  EXPECT_EQ(LoadProgress().settled_through, Quarter(1)) << "it does not wait";
  EXPECT_EQ(LinesOf("consumer"), (Strings{"1 5 400 Wh no price"}));
  EXPECT_EQ(LinesOf("seller"),
            (Strings{"1 2 1000 Wh 200000", "1 4 1000 Wh -20000", "1 6 500 Wh no price"}));
  EXPECT_EQ(BalanceOf("consumer"), 0);
  EXPECT_EQ(BalanceOf("buyer"), -220'000) << "the trade settles as ever";
  EXPECT_EQ(SystemBalance(AccountKind::kMainGrid), 0);
  EXPECT_EQ(PeriodAt(0).price_missing_count, 2);
  EXPECT_EQ(CountMissing(), 1);
  EXPECT_EQ(MissingOf("consumer"), 400);

  registry_.AddTariff("late", Quarter(0), FlatTariff());
  replica.CatchUp();
  EXPECT_EQ(LinesOf("consumer"),
            (Strings{"1 5 400 Wh no price", "2 5 400 Wh -120000", "2 5 -400 Wh no price"}));
  EXPECT_EQ(PeriodAt(0).run_count, 2);
  EXPECT_EQ(PeriodAt(0).price_missing_count, 0);
  EXPECT_EQ(CountMissing(), 0);
  EXPECT_EQ(MissingOf("consumer"), 0);
  ExpectFirstRunOfFirstQuarter();
  ExpectSameAsFromScratch();
}

TEST_F(TariffsTest, APriceThatIsZeroIsNotMissing) {
  WithoutTariff();
  Replica replica(*this);
  replica.CatchUp();
  registry_.AddTariff("free", Quarter(0), RulesAt(0, 0));
  replica.CatchUp();
  EXPECT_EQ(LinesOf("consumer"),
            (Strings{"1 5 400 Wh no price", "2 5 400 Wh 0", "2 5 -400 Wh no price"}));
  EXPECT_EQ(PeriodAt(0).run_count, 2);
  EXPECT_EQ(CountMissing(), 0);
}

TEST_F(TariffsTest, AVersionThatReachesBackPostsTheDifference) {
  Replica replica(*this);
  replica.CatchUp();
  ExpectFirstRunOfFirstQuarter();
  registry_.AddTariff("dearer", Quarter(0), RulesAt(350'000, 80'000));
  replica.CatchUp();
  EXPECT_EQ(LinesOf("consumer"), (Strings{"1 5 400 Wh -120000", "2 5 0 Wh -20000"}));
  EXPECT_EQ(BalanceOf("consumer"), -140'000);
  EXPECT_TRUE(LoadProgress().dirty.empty());
  // The corrected reading of another day meets the version that holds now.
  metering_.Store("consumer", Quarter(0), 800, 0);
  replica.CatchUp();
  EXPECT_EQ(BalanceOf("consumer"), -280'000);
  ExpectSameAsFromScratch();
}

TEST_F(TariffsTest, OnlyWhatAVersionHoldsForIsSettledAgain) {
  for (const int quarter : {1, 2, 3}) metering_.Store("consumer", Quarter(quarter), 400, 0);
  for (const int quarter : {1, 2, 3}) {
    metering_.Store("buyer", Quarter(quarter), 0, 0);
    metering_.Store("seller", Quarter(quarter), 0, 0);
  }
  clock_.Set(Quarter(4));
  Replica replica(*this);
  replica.CatchUp();
  registry_.AddTariff("third", Quarter(2), RulesAt(400'000, 0));
  replica.CatchUp();
  EXPECT_EQ(probe_.restated, 2);
  registry_.AddTariff("second", Quarter(1), RulesAt(500'000, 0));
  replica.CatchUp();
  EXPECT_EQ(probe_.restated, 3) << "the third still holds from the third quarter on";
  registry_.AddTariff("future", Quarter(40), RulesAt(1, 1));
  replica.CatchUp();
  EXPECT_EQ(probe_.restated, 3);
  EXPECT_EQ(BalanceOf("consumer"), -120'000 - 200'000 - 160'000 - 160'000);
  replica.CatchUp();
  EXPECT_EQ(probe_.restated, 3) << "a version is noticed once";
  ExpectSameAsFromScratch();
}

TEST_F(TariffsTest, ARunThatDidNotKnowTheVersionIsNotCommitted) {
  Replica replica(*this);
  // The version comes and is marked while the run computes with what it pulled before.
  bool came = false;
  market_.before_answer = [&] {
    if (std::exchange(came, true)) return;
    registry_.AddTariff("dearer", Quarter(0), RulesAt(350'000, 80'000));
    const auto marked = runs_.MarkRepriced(community_, {{Quarter(0), absl::InfiniteFuture()}}, 2);
    ASSERT_TRUE(marked.ok()) << marked.status();
    EXPECT_TRUE(marked->empty()) << "nothing is settled yet";
  };
  const RunRecord record = MakeRunRecord(RunKind::kFirst, RunCalendar(), {Quarter(0), Quarter(1)},
                                         clock_.Now(), clock_.Now());
  ASSERT_TRUE(replica.settler.SettleFirst(RulesOf("hamlet"), {Quarter(0)}, record).ok());
  EXPECT_EQ(LoadProgress().settled_through, Quarter(0));
  ASSERT_TRUE(replica.settler.SettleFirst(RulesOf("hamlet"), {Quarter(0)}, record).ok());
  EXPECT_EQ(LoadProgress().settled_through, Quarter(1));
  EXPECT_EQ(BalanceOf("consumer"), -140'000);
}

TEST_F(TariffsTest, AMarkIsKeptUntilARunKnowsTheVersion) {
  Replica replica(*this);
  replica.CatchUp();
  registry_.AddTariff("dearer", Quarter(0), RulesAt(350'000, 80'000));
  ASSERT_TRUE(replica.tariff_follower.Follow().ok());
  EXPECT_EQ(LoadProgress().dirty, std::vector<absl::Time>{Quarter(0)});
  // A restart in between: another process does not mark again, and finds what is marked.
  Replica other(*this);
  ASSERT_TRUE(other.tariff_follower.Follow().ok());
  EXPECT_EQ(runs_.LoadTariffCursor(community_).value(), 2);
  EXPECT_EQ(LoadProgress().dirty, std::vector<absl::Time>{Quarter(0)});
  other.runner.Step();
  EXPECT_TRUE(LoadProgress().dirty.empty());
  EXPECT_EQ(BalanceOf("consumer"), -140'000);
}

TEST_F(TariffsTest, AChangedTaxFlagMovesTheLine) {
  Replica replica(*this);
  replica.CatchUp();
  TariffRules untaxed = FlatTariff();
  untaxed.retail.default_is_taxable = false;
  registry_.AddTariff("untaxed", Quarter(0), untaxed);
  replica.CatchUp();
  EXPECT_EQ(BalanceOf("consumer"), -120'000) << "no money moves";
  const auto lines = books_.ListLines(community_, ParticipantId("consumer"), {}, {}, 100);
  ASSERT_EQ(lines->size(), 3U);
  EXPECT_FALSE((*lines)[1].line.key.is_taxable);
  EXPECT_EQ((*lines)[1].line.amount, Money::Micros(-120'000));
  EXPECT_TRUE((*lines)[2].line.key.is_taxable);
  EXPECT_EQ((*lines)[2].line.amount, Money::Micros(120'000));
}

TEST_F(TariffsTest, SubscriptionsAndFeesAreLinesAndEntries) {
  TariffRules rules = FlatTariff();
  rules.subscriptions = {{SubscriptionBasis::kGridConnection, Money::Micros(3'100'000), false},
                         {SubscriptionBasis::kParticipant, Money::Micros(-310'000)}};
  rules.piece_fees = {{PieceFeeBasis::kPurchase, Money::Micros(1'000)},
                      {PieceFeeBasis::kParticipantMonth, Money::Micros(500'000)}};
  WithoutTariff();
  registry_.AddTariff("full", Quarter(0), rules);
  for (Member& member : registry_.snapshot.members) member.held_since = Quarter(-100);
  Replica replica(*this);
  replica.CatchUp();
  EXPECT_EQ(LinesOf("buyer"),
            (Strings{"1 12 0 Wh 10000", "1 13 0 Wh -500000", "1 1 1000 Wh -200000",
                     "1 3 1000 Wh -20000", "1 12 0 Wh -100000 free", "1 13 0 Wh -1000"}))
      << "1 July is the first day of the month and 00:00 the first quarter of the day";
  EXPECT_EQ(BalanceOf("buyer"), -220'000 + 10'000 - 500'000 - 100'000 - 1'000);
  EXPECT_EQ(SystemBalance(AccountKind::kSubscriptions), 3 * (100'000 - 10'000));
  EXPECT_EQ(SystemBalance(AccountKind::kPieceFees), 3 * 500'000 + 1'000);
  // The seller delivers nothing after all: the trade's fee is taken back with the trade.
  metering_.Store("seller", Quarter(0), 0, 0);
  replica.CatchUp();
  EXPECT_EQ(SystemBalance(AccountKind::kPieceFees), 3 * 500'000);
  EXPECT_EQ(SystemBalance(AccountKind::kSubscriptions), 3 * (100'000 - 10'000));
  ExpectSameAsFromScratch();
}

TEST_F(TariffsTest, APointThatChangesHandsMidDayCostsEachHolderTheDay) {
  TariffRules rules = FlatTariff();
  rules.subscriptions = {{SubscriptionBasis::kParticipant, Money::Micros(3'100'000)}};
  WithoutTariff();
  registry_.AddTariff("full", Quarter(0), rules);
  CommunitySnapshot after = registry_.snapshot;
  after.membership_version = 1;
  Member& point = after.members.back();
  after.former = {{point.participant, point.connection, {absl::InfinitePast(), Quarter(2)}}};
  point.participant = ParticipantId("heir");
  point.held_since = Quarter(2);
  registry_.later[Quarter(2)] = after;
  for (const int quarter : {1, 2, 3}) {
    for (const char* meter : {"buyer", "seller", "consumer"}) {
      metering_.Store(meter, Quarter(quarter), 0, 0);
    }
  }
  clock_.Set(Quarter(4));
  Replica replica(*this);
  replica.CatchUp();
  EXPECT_EQ(SystemBalance(AccountKind::kSubscriptions), 4 * 100'000);
  EXPECT_EQ(LinesOf("heir"), (Strings{"1 12 0 Wh -100000"}));
  EXPECT_EQ(BalanceOf("consumer"), -120'000 - 100'000);
  ExpectSameAsFromScratch();
}

TEST_F(TariffsTest, AVersionThatReachesBackToAFinalPeriodIsListed) {
  Replica replica(*this);
  replica.CatchUp();
  RunReach reach;
  reach.daily = reach.monthly = reach.final = Quarter(1);
  RunRecord record;
  record.id = "r1";
  record.kind = RunKind::kFinal;
  record.span = {Quarter(0), Quarter(1)};
  ASSERT_TRUE(runs_.FinishRun(community_, record, reach).ok());
  registry_.AddTariff("dearer", Quarter(0), RulesAt(350'000, 80'000));
  replica.CatchUp();
  EXPECT_EQ(BalanceOf("consumer"), -120'000) << "final is final";
  EXPECT_TRUE(LoadProgress().dirty.empty());
  PostgresRunLog log(pool_);
  const auto late =
      log.ListLateChanges(community_, {absl::InfinitePast(), absl::InfinitePast()}, 9);
  ASSERT_TRUE(late.ok()) << late.status();
  ASSERT_EQ(late->size(), 1U);
  EXPECT_EQ(late->front().period_start, Quarter(0));
  EXPECT_EQ(late->front().cursor, 0);
  EXPECT_EQ(late->front().tariff_version_count, 2);
}

TEST_F(TariffsTest, TheOrderInWhichVersionsCameDoesNotMatter) {
  clock_.Set(Quarter(4));
  for (const int quarter : {1, 2, 3}) {
    for (const char* point : {"buyer", "seller", "consumer"}) {
      metering_.Store(point, Quarter(quarter), 300, 0);
    }
  }
  WithoutTariff();
  Replica replica(*this);
  TariffRules night = RulesAt(200'000, 80'000);
  night.retail.default_price.reset();
  night.retail.prices = {
      {"dark", Price::MicrosPerKwh(150'000), {{kAllWeekdays, 0, 30, std::nullopt}}}};
  registry_.AddTariff("c", Quarter(3), RulesAt(333'333, 0));
  replica.CatchUp();
  EXPECT_EQ(CountMissing(), 3);
  registry_.AddTariff("a", Quarter(0), night);
  replica.CatchUp();
  EXPECT_EQ(CountMissing(), 1) << "the third quarter is after the window and before the version";
  registry_.AddTariff("b", Quarter(2), RulesAt(-100'001, 0));
  replica.CatchUp();
  EXPECT_EQ(CountMissing(), 0);
  ExpectSameAsFromScratch();
}

}  // namespace
}  // namespace peerwatt::settlement
