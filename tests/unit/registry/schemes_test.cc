#include "services/registry/core/schemes.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "libs/base/error.h"

namespace peerwatt::registry {
namespace {

const absl::Time kStart = absl::FromUnixSeconds(1'800'000'000);

Scheme Base(Mechanism mechanism) {
  Scheme scheme;
  scheme.community = CommunityId("c1");
  scheme.id = SchemeId("s1");
  scheme.starts_at = kStart;
  scheme.mechanism = mechanism;
  return scheme;
}

Scheme Firm() {
  Scheme scheme = Base(Mechanism::kTrading);
  scheme.policy = SettlementPolicy::kFirm;
  scheme.imbalance_purchase = Price::MicrosPerKwh(500'000);
  scheme.imbalance_sale = Price::MicrosPerKwh(-10'000);
  return scheme;
}

// A static key of three thirds, to the sixth decimal.
Scheme Static() {
  Scheme scheme = Base(Mechanism::kSharing);
  scheme.key = SharingKey::kStatic;
  scheme.internal_price = Price::MicrosPerKwh(100'000);
  scheme.shares = {{MeteringPointId("m1"), 333'333},
                   {MeteringPointId("m2"), 333'333},
                   {MeteringPointId("m3"), 333'334}};
  return scheme;
}

Scheme Cascade() {
  Scheme scheme = Base(Mechanism::kSharing);
  scheme.key = SharingKey::kCascading;
  scheme.shares = {{MeteringPointId("m1"), std::nullopt, 1},
                   {MeteringPointId("m2"), std::nullopt, 1}};
  return scheme;
}

// The classic pilot.
Scheme Pilot() {
  Scheme scheme = Base(Mechanism::kFixedPricePool);
  scheme.pool_price = Price::MicrosPerKwh(5'000'000);
  scheme.operator_share_ppm = 200'000;
  scheme.payment_rules = {Energy::WattHours(1000), Money::Micros(25'000'000),
                          Money::Micros(40'000'000)};
  return scheme;
}

std::string FieldOf(const absl::Status& status) {
  const ErrorDetail detail = DetailOf(status);
  return detail.violations.empty() ? "" : detail.violations[0].field;
}

struct Case {
  const char* name;
  Scheme scheme;
  std::function<void(Scheme&)> change;
  const char* field;
};

TEST(CheckSchemeTest, NamesTheFirstWrongField) {
  const auto nothing = [](Scheme&) {};
  const std::vector<Case> cases = {
      {"trading", Base(Mechanism::kTrading), nothing, ""},
      {"firm", Firm(), nothing, ""},
      {"static key", Static(), nothing, ""},
      {"cascading key", Cascade(), nothing, ""},
      {"pool", Pilot(), nothing, ""},
      {"id", Firm(), [](Scheme& s) { s.id = SchemeId("S"); }, "scheme_id"},
      {"start off the grid", Firm(), [](Scheme& s) { s.starts_at += absl::Minutes(1); },
       "scheme.start_time"},
      {"policy of a pool", Pilot(), [](Scheme& s) { s.policy = SettlementPolicy::kFirm; },
       "scheme.settlement_policy"},
      {"imbalance where there is none", Firm(),
       [](Scheme& s) { s.policy = SettlementPolicy::kAsDelivered; },
       "scheme.imbalance_purchase_price_per_kwh"},
      {"sale price without firm", Base(Mechanism::kTrading),
       [](Scheme& s) { s.imbalance_sale = Price(); }, "scheme.imbalance_sale_price_per_kwh"},
      {"key of traders", Firm(), [](Scheme& s) { s.key = SharingKey::kEqual; },
       "scheme.sharing_key"},
      {"shares of traders", Firm(),
       [](Scheme& s) {
         s.shares = {{MeteringPointId("m1"), 1'000'000}};
       },
       "scheme.shares"},
      {"shares of a key without", Static(), [](Scheme& s) { s.key = SharingKey::kProportional; },
       "scheme.shares"},
      {"no shares", Static(), [](Scheme& s) { s.shares.clear(); }, "scheme.shares"},
      {"too many shares", Static(), [](Scheme& s) { s.shares.assign(10'001, s.shares[0]); },
       "scheme.shares"},
      {"0.333333 three times", Static(), [](Scheme& s) { s.shares[2].coefficient = 333'333; },
       "scheme.shares"},
      {"more than one", Static(), [](Scheme& s) { s.shares[0].coefficient = 333'334; },
       "scheme.shares"},
      {"a point twice", Static(), [](Scheme& s) { s.shares[2].point = s.shares[0].point; },
       "scheme.shares[2].metering_point"},
      {"no coefficient", Static(), [](Scheme& s) { s.shares[1].coefficient.reset(); },
       "scheme.shares[1].coefficient"},
      {"rank of a static key", Static(), [](Scheme& s) { s.shares[1].rank = 1; },
       "scheme.shares[1].rank"},
      {"coefficient of a rank", Cascade(), [](Scheme& s) { s.shares[0].coefficient = 1'000'000; },
       "scheme.shares[0].coefficient"},
      {"no rank", Cascade(), [](Scheme& s) { s.shares[1].rank = 0; }, "scheme.shares[1].rank"},
      {"rank too high", Cascade(), [](Scheme& s) { s.shares[1].rank = 1'000'001; },
       "scheme.shares[1].rank"},
      {"internal price of a pool", Pilot(), [](Scheme& s) { s.internal_price = Price(); },
       "scheme.internal_price_per_kwh"},
      {"pool price of sharing", Static(), [](Scheme& s) { s.pool_price = Price(); },
       "scheme.pool_price_per_kwh"},
      {"no pool price", Pilot(), [](Scheme& s) { s.pool_price.reset(); },
       "scheme.pool_price_per_kwh"},
      {"share below 0", Firm(), [](Scheme& s) { s.operator_share_ppm = -1; },
       "scheme.operator_share_ppm"},
      {"share above all", Firm(), [](Scheme& s) { s.operator_share_ppm = 1'000'001; },
       "scheme.operator_share_ppm"},
      {"payment rules of sharing", Static(),
       [](Scheme& s) { s.payment_rules = SchemePaymentRules(); }, "scheme.payment_rules"},
      {"no billing unit", Pilot(), [](Scheme& s) { s.payment_rules->billing_unit = Energy(); },
       "scheme.payment_rules.billing_unit_wh"},
      {"collection of nothing", Pilot(),
       [](Scheme& s) { s.payment_rules->collection_quantum = Money(); },
       "scheme.payment_rules.collection_quantum"},
      {"payout below zero", Pilot(),
       [](Scheme& s) { s.payment_rules->payout_quantum = Money::Micros(-1); },
       "scheme.payment_rules.payout_quantum"},
  };
  Community community;
  community.interval = absl::Minutes(15);
  for (const Case& c : cases) {
    Scheme scheme = c.scheme;
    c.change(scheme);
    EXPECT_EQ(FieldOf(CheckScheme(WithDefaults(scheme), community)), c.field) << c.name;
  }
}

TEST(CheckSchemeTest, DefaultsSayWhatAbsenceMeans) {
  EXPECT_EQ(WithDefaults(Base(Mechanism::kTrading)).policy, SettlementPolicy::kAsDelivered);
  const Scheme sharing = WithDefaults(Base(Mechanism::kSharing));
  EXPECT_EQ(sharing.key, SharingKey::kProportional);
  EXPECT_EQ(sharing.internal_price, Price());
  EXPECT_EQ(WithDefaults(Pilot()).key, SharingKey::kProportional);
  EXPECT_FALSE(WithDefaults(Pilot()).internal_price.has_value());
}

TEST(CoefficientTest, HasSixDecimals) {
  for (const auto& [text, value] :
       std::vector<std::pair<std::string, int64_t>>{{"0.000000", 0},
                                                    {"0.333334", 333'334},
                                                    {"0.100000", 100'000},
                                                    {"1.000000", 1'000'000}}) {
    const auto read = CoefficientFrom(text, "f");
    ASSERT_TRUE(read.ok()) << text;
    EXPECT_EQ(*read, value);
    EXPECT_EQ(CoefficientText(value), text);
  }
  for (const char* text : {"", "0.33", "0.34", "0.3333333", "1.000001", "2.000000", "-0.10000",
                           "0,333333", "0.33333a", ".3333333", "0.33333 ", "1"}) {
    EXPECT_EQ(FieldOf(CoefficientFrom(text, "f").status()), "f") << text;
  }
}

}  // namespace
}  // namespace peerwatt::registry
