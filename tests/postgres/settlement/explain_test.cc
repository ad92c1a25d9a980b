// How lines came about: the amount of each follows from its explanation alone.

#include <gtest/gtest.h>

#include <random>

#include "services/settlement/core/explain/line_explainer.h"
#include "services/settlement/storage/postgres_evidence_store.h"
#include "tests/postgres/settlement/run_fixture.h"

namespace peerwatt::settlement {
namespace {

constexpr uint32_t kSeed = 20260731;

class ExplainTest : public RunTest {
 protected:
  LineExplanation Explain(const PostedBillLine& line) {
    const auto explanation = explainer_.Explain(registry_.rules.front(), line.line.key.participant,
                                                {line.period_start, line.run, line.number});
    EXPECT_TRUE(explanation.ok()) << explanation.status();
    return explanation.ok() ? *explanation : LineExplanation();
  }
  std::vector<PostedBillLine> LinesOf(const std::string& participant) {
    const auto lines = books_.ListLines(community_, ParticipantId(participant), {}, {}, 1000);
    EXPECT_TRUE(lines.ok()) << lines.status();
    return lines.ok() ? *lines : std::vector<PostedBillLine>();
  }
  /// Every line of everybody can be recomputed from what its explanation says, and from nothing
  /// else. Returns how many there are.
  int ExpectAllRecomputable() {
    int count = 0;
    for (const Member& member : registry_.snapshot.members) {
      for (const PostedBillLine& line : LinesOf(member.participant.value())) {
        const LineExplanation explanation = Explain(line);
        EXPECT_EQ(Recompute(explanation.steps), line.line.amount.micros())
            << member.participant.value() << " kind " << static_cast<int>(line.line.key.kind)
            << " run " << line.run;
        EXPECT_TRUE(explanation.is_reproduced);
        EXPECT_EQ(explanation.entry.has_value(), line.entry_number.has_value());
        if (explanation.entry.has_value()) {
          EXPECT_EQ(explanation.entry->number, *line.entry_number);
        }
        ++count;
      }
    }
    return count;
  }
  const Step* StepNamed(const LineExplanation& explanation, const std::string& description) {
    for (const Step& step : explanation.steps) {
      if (step.description == description) return &step;
    }
    return nullptr;
  }

  PostgresEvidenceStore evidence_{pool_};
  LineExplainer explainer_{{registry_, market_, metering_}, metering_, market_, evidence_, books_};
};

TEST_F(ExplainTest, APurchaseLeadsToItsTradeReadingsRuleAndEntry) {
  // The buyer drew less than it bought.
  metering_.Store("buyer", Quarter(0), 800, 100);
  Replica replica(*this);
  replica.CatchUp();
  const std::vector<PostedBillLine> lines = LinesOf("buyer");
  ASSERT_EQ(lines.size(), 3U) << "purchase, network fee, own consumption";
  const LineExplanation purchase = Explain(lines[0]);
  ASSERT_TRUE(purchase.trade.has_value());
  EXPECT_EQ(purchase.trade->bid, "the bid");
  EXPECT_EQ(purchase.trade->price.micros_per_kwh(), 200'000);
  ASSERT_EQ(purchase.readings.size(), 1U);
  EXPECT_EQ(purchase.readings[0].revision, 2);
  EXPECT_EQ(purchase.readings[0].import_energy.wh(), 800);
  EXPECT_EQ(purchase.rule.kind, "trade");
  EXPECT_EQ(purchase.rule.name, "communities/hamlet/auctions/20260701t000000z/trades/t1");
  EXPECT_EQ(purchase.rule.policy, "as_delivered");
  EXPECT_EQ(purchase.run->readings_cursor, metering_.cursor());
  ASSERT_TRUE(purchase.entry.has_value());
  EXPECT_EQ(purchase.entry->entry.kind, "trade");
  const Step* delivered = StepNamed(purchase, "delivered");
  ASSERT_NE(delivered, nullptr);
  EXPECT_EQ(delivered->result, 700);
  EXPECT_EQ(purchase.steps.back().result, -140'000);
  // The seller's sale, share and feed-in, and what the consumer drew, besides.
  EXPECT_EQ(ExpectAllRecomputable(), 7);
}

TEST_F(ExplainTest, ACorrectionIsExplainedByBothRevisions) {
  Replica replica(*this);
  replica.CatchUp();
  metering_.Store("consumer", Quarter(0), 450, 0);
  metering_.Store("seller", Quarter(0), 0, 600);
  replica.CatchUp();
  metering_.Store("consumer", Quarter(0), 90, 0);
  replica.CatchUp();
  const std::vector<PostedBillLine> lines = LinesOf("consumer");
  ASSERT_EQ(lines.size(), 3U);
  for (int run = 1; run <= 3; ++run) {
    const LineExplanation explanation = Explain(lines[static_cast<size_t>(run) - 1]);
    ASSERT_EQ(explanation.readings.size(), 1U);
    EXPECT_EQ(explanation.readings[0].revision, run) << "the one that the run used";
    EXPECT_EQ(explanation.earlier.size(), static_cast<size_t>(run) - 1);
    EXPECT_EQ(explanation.rule.kind, "tariff");
    EXPECT_EQ(explanation.rule.name, "communities/hamlet/tariffVersions/t1/retail");
  }
  EXPECT_GE(ExpectAllRecomputable(), 14);
}

TEST_F(ExplainTest, AMissingReadingIsExplainedByTheDayBefore) {
  metering_.Store("consumer", Quarter(0), 410, 0);
  Replica replica(*this);
  replica.CatchUp();
  for (int quarter = 1; quarter < 96; ++quarter) {
    for (const char* point : {"buyer", "seller", "consumer"}) {
      metering_.Store(point, Quarter(quarter), 0, 0);
    }
  }
  metering_.Store("buyer", Quarter(96), 10, 0);
  metering_.Store("seller", Quarter(96), 0, 10);
  clock_.Set(Quarter(97) + absl::Hours(2));
  for (int step = 0; step < 4; ++step) replica.CatchUp();
  const auto lines =
      evidence_.ListLinesOfPeriod(community_, Quarter(96), ParticipantId("consumer"));
  ASSERT_TRUE(lines.ok()) << lines.status();
  ASSERT_EQ(lines->size(), 1U);
  const LineExplanation explanation = Explain(lines->front());
  ASSERT_EQ(explanation.readings.size(), 1U);
  EXPECT_TRUE(explanation.readings[0].is_substituted);
  EXPECT_EQ(explanation.readings[0].start, Quarter(0));
  EXPECT_EQ(explanation.readings[0].revision, 2);
  EXPECT_EQ(explanation.readings[0].import_energy.wh(), 410);
  EXPECT_EQ(explanation.steps.back().result, -123'000);
  // What comes later does not change what the run knew.
  metering_.Store("consumer", Quarter(0), 999, 0);
  metering_.Store("consumer", Quarter(96), 777, 0);
  EXPECT_EQ(Explain(lines->front()).steps.back().result, -123'000);
}

// By the version that the run knew, also once a later one reaches back.
TEST_F(ExplainTest, TimeOfUseAndChargesAreExplainedByTheVersionOfTheRun) {
  TariffRules rules;
  rules.retail.prices = {
      {"first", Price::MicrosPerKwh(311'111), {{kAllWeekdays, 0, 15, std::nullopt}}}};
  rules.feed_in.prices = {
      {"later", Price::MicrosPerKwh(50'000), {{kAllWeekdays, 15, 1440, std::nullopt}}}};
  rules.subscriptions = {{SubscriptionBasis::kGridConnection, Money::Micros(10'000'000), false},
                         {SubscriptionBasis::kParticipant, Money::Micros(-310'001)}};
  rules.piece_fees = {{PieceFeeBasis::kPurchase, Money::Micros(1'000)},
                      {PieceFeeBasis::kSale, Money::Micros(-7)},
                      {PieceFeeBasis::kParticipantMonth, Money::Micros(500'000)}};
  registry_.tariffs = {};
  registry_.AddTariff("night", Quarter(-1), rules);
  Replica replica(*this);
  replica.CatchUp();
  // The consumer: retail, two subscriptions, a month.
  EXPECT_EQ(ExpectAllRecomputable(), 17);
  const std::vector<PostedBillLine> lines = LinesOf("consumer");
  ASSERT_EQ(lines.size(), 4U);
  for (const PostedBillLine& line : lines) {
    const LineExplanation explanation = Explain(line);
    EXPECT_EQ(explanation.rule.kind, "tariff");
    if (line.line.key.kind == LineKind::kRetail) {
      EXPECT_EQ(explanation.rule.name, "communities/hamlet/tariffVersions/night/retail/first");
      EXPECT_EQ(explanation.steps.back().result, -124'444) << "400 Wh at 0.311111, half to even";
    }
    if (line.line.key.kind == LineKind::kSubscription && !line.line.key.connection.empty()) {
      const Step& day = explanation.steps.front();
      EXPECT_EQ(day.operands[0].value, 10'000'000);
      EXPECT_EQ(day.divisor, 31);
      EXPECT_EQ(day.rounding, Rounding::kHalfAway);
      EXPECT_EQ(day.result, 322'581);
    }
  }
  // What has no price is no part of the sum, and is said.
  for (const PostedBillLine& line : LinesOf("seller")) {
    if (line.line.key.kind != LineKind::kFeedIn) continue;
    EXPECT_TRUE(line.line.key.is_price_missing);
    EXPECT_EQ(Explain(line).steps.front().description, "no price is in force");
  }
  TariffRules dearer = FlatTariff();
  dearer.subscriptions = {{SubscriptionBasis::kGridConnection, Money::Micros(20'000'000), false}};
  registry_.AddTariff("dearer", Quarter(0), dearer);
  metering_.Store("buyer", Quarter(0), 900, 0);
  replica.CatchUp();
  EXPECT_GT(ExpectAllRecomputable(), 25);
  EXPECT_EQ(Explain(lines.front()).is_reproduced, true);
}

// The amounts of all policies, over random periods: bought, sold, shared, pooled, corrected.
TEST_F(ExplainTest, EveryPolicyIsRecomputable) {
  std::mt19937 random(kSeed);
  const auto pick = [&](int64_t low, int64_t high) {
    return std::uniform_int_distribution<int64_t>(low, high)(random);
  };
  Scheme sharing;
  sharing.id = SchemeId("sharing");
  sharing.mechanism = Mechanism::kSharing;
  sharing.local_price = Price::MicrosPerKwh(123'457);
  sharing.operator_share_ppm = 33'333;
  Scheme pool = sharing;
  pool.mechanism = Mechanism::kFixedPricePool;
  Scheme fixed = sharing;
  fixed.key = SharingKey::kStatic;
  fixed.shares = {{MeteringPointId("buyer"), 333'333}, {MeteringPointId("consumer"), 600'000}};
  Scheme negative = pool;
  negative.local_price = Price::MicrosPerKwh(-77'777);
  Scheme cascading = sharing;
  cascading.key = SharingKey::kCascading;
  cascading.shares = {{MeteringPointId("consumer"), 0, 1}};
  Scheme relative = fixed;
  relative.key = SharingKey::kRelative;
  Scheme optimal = fixed;
  optimal.key = SharingKey::kOptimal;
  Scheme equal = sharing;
  equal.key = SharingKey::kEqual;
  Scheme firm;
  firm.policy = DeliveryPolicy::kFirm;
  firm.imbalance_purchase = Price::MicrosPerKwh(411'111);
  const Scheme schemes[] = {Scheme(), firm,      sharing,  pool,    fixed,
                            negative, cascading, relative, optimal, equal};
  const int count = static_cast<int>(std::size(schemes));
  registry_.snapshot.fees.network_fee = Price::MicrosPerKwh(12'345);
  registry_.snapshot.members.push_back(
      {MeteringPointId("roof"), ParticipantId("buyer"), GridConnectionId("connection")});
  registry_.schemes.clear();
  for (int i = 0; i < count; ++i) {
    Scheme scheme = schemes[i];
    scheme.starts_at = Quarter(i);
    registry_.schemes.push_back(scheme);
    market_.trades[Quarter(i)].clear();
    for (int t = 0; t < 4; ++t) {
      const bool turned = t == 3;
      market_.trades[Quarter(i)].push_back(
          {TradeId(absl::StrCat("t", t)), Energy::WattHours(pick(1, 700)),
           Price::MicrosPerKwh(pick(-50'000, 300'000)), Price::MicrosPerKwh(pick(0, 30'000)),
           MeteringPointId(turned   ? "seller"
                           : t == 1 ? "consumer"
                                    : "buyer"),
           MeteringPointId(turned ? "buyer" : "seller"),
           ParticipantId(turned   ? "seller"
                         : t == 1 ? "consumer"
                                  : "buyer"),
           ParticipantId(turned ? "buyer" : "seller")});
    }
  }
  const auto store = [&](int quarter) {
    metering_.Store("buyer", Quarter(quarter), pick(0, 900), pick(0, 300));
    metering_.Store("roof", Quarter(quarter), 0, pick(0, 400));
    metering_.Store("seller", Quarter(quarter), pick(0, 100), pick(0, 1500));
    metering_.Store("consumer", Quarter(quarter), pick(0, 800), 0);
  };
  for (int i = 0; i < count; ++i) store(i);
  clock_.Set(Quarter(count));
  Replica replica(*this);
  replica.CatchUp();
  EXPECT_GE(ExpectAllRecomputable(), 40);
  for (int i = 0; i < count; ++i) store(i);
  replica.CatchUp();
  EXPECT_GE(ExpectAllRecomputable(), 80);
}

TEST_F(ExplainTest, WhatIsNotKnownAnyMoreIsSaid) {
  Replica replica(*this);
  replica.CatchUp();
  const std::vector<PostedBillLine> lines = LinesOf("seller");
  registry_.snapshot.fees.operator_share_ppm = 90'000;
  bool found = false;
  for (const PostedBillLine& line : lines) {
    if (line.line.key.kind != LineKind::kOperatorShare) continue;
    EXPECT_FALSE(Explain(line).is_reproduced);
    found = true;
  }
  EXPECT_TRUE(found);
  const auto missing =
      explainer_.Explain(registry_.rules.front(), ParticipantId("seller"), {Quarter(0), 1, 100});
  EXPECT_EQ(ReasonOf(missing.status()), "NOT_FOUND");
  EXPECT_EQ(ReasonOf(explainer_
                         .Explain(registry_.rules.front(), ParticipantId("buyer"),
                                  {Quarter(0), 1, lines.front().number})
                         .status()),
            "NOT_FOUND")
      << "another's line";
}

}  // namespace
}  // namespace peerwatt::settlement
