// The independent checker: its files, and what docs/schemes.md works out by hand.

#include "tools/verify/verify.h"

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tools/verify/charges.h"
#include "tools/verify/csv.h"
#include "tools/verify/loss.h"
#include "tools/verify/period.h"
#include "tools/verify/rules.h"

namespace peerwatt::verify {
namespace {

std::vector<std::vector<std::string>> Rows(const std::string& text,
                                           const std::vector<std::string>& columns) {
  auto reader = CsvReader::Open(text, columns);
  EXPECT_TRUE(reader.ok()) << reader.status();
  std::vector<std::vector<std::string>> rows;
  while (reader.ok() && reader->Next()) {
    rows.emplace_back(reader->fields().begin(), reader->fields().end());
  }
  EXPECT_TRUE(reader->status().ok()) << reader->status();
  return rows;
}

TEST(CsvReader, GivesTheColumnsThatAreNeeded) {
  using Table = std::vector<std::vector<std::string>>;
  EXPECT_EQ(Rows("a,b,c\r\n1,2,3\r\n\r\n4,,6", {"c", "a"}), (Table{{"3", "1"}, {"6", "4"}}));
  EXPECT_EQ(Rows("a,b\n\"x,\"\"y\"\"\n\",2\n3,\"\"\n", {"a", "b"}),
            (Table{{"x,\"y\"\n", "2"}, {"3", ""}}));
  EXPECT_TRUE(Rows("a\n", {"a"}).empty());
}

TEST(CsvReader, RefusesOtherFiles) {
  EXPECT_FALSE(CsvReader::Open("a,b\n", {"a", "c"}).ok());
  EXPECT_FALSE(CsvReader::Open("", {"a"}).ok());
  for (const char* text : {"a,b\n1\n", "a,b\n1,2,3\n", "a,b\n1,\"2\n", "a,b\n\"1\",2,3\n"}) {
    auto reader = CsvReader::Open(text, {"a", "b"});
    ASSERT_TRUE(reader.ok());
    EXPECT_FALSE(reader->Next()) << text;
    EXPECT_FALSE(reader->status().ok()) << text;
  }
}

TEST(Values, AreReadExactlyOrNot) {
  EXPECT_EQ(*MicrosFrom("0.200000"), 200'000);
  EXPECT_EQ(*MicrosFrom("-0.05"), -50'000);
  EXPECT_EQ(*MicrosFrom("-12"), -12'000'000);
  EXPECT_EQ(*MicrosFrom("1.2000000"), 1'200'000);
  EXPECT_EQ(*SecondsFrom("1970-01-01T00:00:00Z"), 0);
  EXPECT_EQ(*SecondsFrom("2026-07-01T00:00:00Z"), 1'782'864'000);
  EXPECT_EQ(*SecondsFrom("2000-02-29T23:59:59Z"), 951'868'799);
  for (const char* text : {"", "1.0000001", "x", "1.-5", "1 "}) {
    EXPECT_FALSE(MicrosFrom(text).ok()) << text;
  }
  for (const char* text : {"", "2026-07-01", "2026-07-01T00:00:00", "2026-07-01T00:00:00+02:00",
                           "2026-07-01T00:00:00.5Z", "2026-07-01T00:00:00Zx"}) {
    EXPECT_FALSE(SecondsFrom(text).ok()) << text;
  }
}

/// 10 kWh at 0.20, retail 0.30, feed-in 0.08, as in docs/schemes.md: buyer and seller, in cents.
std::pair<int64_t, int64_t> TradedAt(Terms::Mechanism mechanism, int64_t fed_in, int64_t drew) {
  Terms terms;
  terms.mechanism = mechanism;
  terms.retail = terms.imbalance_purchase = 300'000;
  terms.feed_in = terms.imbalance_sale = 80'000;
  const Outcome outcome =
      Settle(terms, {{drew, 0, 0, 0}, {0, fed_in, 0, 0}}, {{0, 1, 10'000, 200'000, 0}});
  const auto of_site = [&](const SiteAmounts& site) {
    return site.retail + site.feed_in + site.imbalance_purchase + site.imbalance_sale;
  };
  return {(of_site(outcome.sites[0]) - outcome.deals[0].price) / 10'000,
          (of_site(outcome.sites[1]) + outcome.deals[0].price) / 10'000};
}

TEST(Settle, TradesAsDocumented) {
  using Pair = std::pair<int64_t, int64_t>;
  EXPECT_EQ(TradedAt(Terms::Mechanism::kTrading, 10'000, 12'500), Pair(-275, 200));
  EXPECT_EQ(TradedAt(Terms::Mechanism::kTrading, 10'000, 6'000), Pair(-120, 152));
  EXPECT_EQ(TradedAt(Terms::Mechanism::kTrading, 4'000, 10'000), Pair(-260, 80));
  EXPECT_EQ(TradedAt(Terms::Mechanism::kFirmTrading, 10'000, 12'500), Pair(-275, 200));
  EXPECT_EQ(TradedAt(Terms::Mechanism::kFirmTrading, 10'000, 6'000), Pair(-200 + 32, 200));
  EXPECT_EQ(TradedAt(Terms::Mechanism::kFirmTrading, 4'000, 10'000), Pair(-200, 200 - 180));
}

TEST(Settle, PoolsAsInTheClassicPilot) {
  Terms terms;
  terms.mechanism = Terms::Mechanism::kPool;
  terms.local = 5'000'000;
  terms.operator_ppm = 200'000;
  const Outcome outcome =
      Settle(terms, {{10'000, 0, 0, 0}, {0, 7'500, 0, 0}, {0, 2'500, 0, 0}}, {});
  EXPECT_EQ(outcome.sites[0].pool, -50'000'000);
  EXPECT_EQ(outcome.sites[1].pool, 30'000'000);
  EXPECT_EQ(outcome.sites[2].pool, 10'000'000);
  EXPECT_EQ(outcome.pool_share, 10'000'000);
  EXPECT_EQ(outcome.energies.delivered, 10'000);
}

TEST(Rules, TheLatestVersionThatHasStartedHolds) {
  const auto rules = ReadRules(
      R"({"name":"communities/c","interval":"1800s","networkFeePerKwh":{"nanos":10000000}})",
      R"([{"tariffs":[{"startTime":"2026-02-01T00:00:00Z","retailPricePerKwh":{"units":"1"},
           "feedInPricePerKwh":{"nanos":-80000000}}]},
          {"tariffs":[{"startTime":"2026-01-01T00:00:00Z","retailPricePerKwh":{"units":"2"},
           "feedInPricePerKwh":{}}]}])",
      R"({"schemes":[{"name":"communities/c/schemes/s","startTime":"2026-02-01T00:00:00Z",
           "mechanism":"SHARING","sharingKey":"STATIC","operatorSharePpm":"0",
           "internalPricePerKwh":{"nanos":100000000},
           "shares":[{"meteringPoint":"meteringPoints/m","coefficient":"0.250000"}]}]})",
      R"({"meteringPoints":[{"name":"meteringPoints/m","participant":"participants/p",
           "community":"communities/c"}]})");
  ASSERT_TRUE(rules.ok()) << rules.status();
  EXPECT_EQ(rules->interval, 1800);
  EXPECT_EQ(rules->points[0].connection, "m");
  EXPECT_FALSE(rules->TermsAt(*SecondsFrom("2025-12-31T23:30:00Z")).retail.has_value());
  const Terms first = rules->TermsAt(*SecondsFrom("2026-01-31T23:30:00Z"));
  EXPECT_EQ(first.retail, 2'000'000);
  EXPECT_EQ(first.mechanism, Terms::Mechanism::kTrading);
  const Terms second = rules->TermsAt(*SecondsFrom("2026-02-01T00:00:00Z"));
  EXPECT_EQ(second.feed_in, -80'000);
  EXPECT_EQ(second.local, 100'000);
  EXPECT_EQ(second.network_fee, 10'000);
  EXPECT_EQ(second.mechanism, Terms::Mechanism::kSharing);
  EXPECT_EQ(rules->SchemeAt(*SecondsFrom("2026-02-01T00:00:00Z"))->shares.at("m").coefficient,
            250'000);
}

TEST(Rules, BoundariesAreNoPointsOfMembers) {
  const auto rules = ReadRules(
      R"({"name":"communities/c"})", "{}", "{}",
      R"({"meteringPoints":[
          {"name":"meteringPoints/m","community":"communities/c","role":"MEMBER_CONNECTION"},
          {"name":"meteringPoints/b","community":"communities/c","role":"COMMUNITY_BOUNDARY",
           "createTime":"2026-02-01T00:00:00.5Z"},
          {"name":"meteringPoints/d","community":"communities/c","role":"COMMUNITY_BOUNDARY",
           "createTime":"2026-02-01T00:00:00Z"}]})");
  ASSERT_TRUE(rules.ok()) << rules.status();
  ASSERT_EQ(rules->points.size(), 1U);
  EXPECT_EQ(rules->points[0].id, "m");
  ASSERT_EQ(rules->boundaries.size(), 2U);
  const int64_t start = *SecondsFrom("2026-02-01T00:00:00Z");
  EXPECT_EQ(rules->boundaries[0].created, start + 1) << "later than the start";
  EXPECT_EQ(rules->boundaries[1].created, start);
}

/// A loss at 500 micro-units per kWh, of 100 Wh drawn and 40 fed in.
/// readings: of the boundaries, as `point,import,export,quality`.
Loss LossOf(const std::vector<std::string>& readings,
            const std::vector<BoundaryPoint>& boundaries) {
  Readings measured(900, boundaries.size());
  PointIndex meters;
  for (uint32_t i = 0; i < boundaries.size(); ++i) meters.Add(boundaries[i].id, i);
  std::string text = "metering_point,start_time,end_time,import_wh,export_wh,quality\n";
  for (const std::string& reading : readings) {
    const size_t comma = reading.find(',');
    text += reading.substr(0, comma) + ",2026-07-01T00:00:00Z,2026-07-01T00:15:00Z" +
            reading.substr(comma) + "\n";
  }
  EXPECT_TRUE(measured.Read(text, meters).ok());
  Energies energies;
  energies.drawn = 100;
  energies.fed_in = 40;
  return LossAt(*SecondsFrom("2026-07-01T00:00:00Z"), boundaries, 0, measured, energies, 500);
}

TEST(LossAt, IsWhatNobodyDrew) {
  const std::vector<BoundaryPoint> two = {{"a", 0}, {"b", 0}};
  EXPECT_EQ(LossOf({"a,70,0,MEASURED", "b,0,5,MEASURED"}, two), (Loss{70, 5, 5, 2}));
  EXPECT_EQ(LossOf({"a,57,0,MEASURED", "b,0,0,MEASURED"}, two), (Loss{57, 0, -3, -2}));
  EXPECT_EQ(LossOf({"a,70,0,MEASURED"}, two), Loss());
  EXPECT_EQ(LossOf({"a,70,0,MEASURED", "b,0,0,MISSING"}, two), Loss());
  EXPECT_EQ(LossOf({"a,70,0,MEASURED", "b,1000000001,0,MEASURED"}, two), Loss());
  EXPECT_EQ(LossOf({}, {}), Loss());
}

TEST(LossAt, KnowsThatAPointWasNotThereYet) {
  EXPECT_EQ(LossOf({"a,70,0,MEASURED"}, {{"a", 0}, {"b", INT64_MAX}}), (Loss{70, 0, 10, 5}));
  EXPECT_EQ(LossOf({}, {{"b", INT64_MAX}}), Loss());
}

constexpr char kNight[] = R"({"tariffVersions":[{"name":"communities/c/tariffVersions/t",
    "startDay":"2026-01-01","startTime":"2025-12-31T23:00:00Z","versionNumber":"1",
    "retail":{"defaultPricePerKwh":{"nanos":300000000},"prices":[
      {"id":"two","pricePerKwh":{"nanos":200000000},"taxable":false,
       "windows":[{"startTimeOfDay":"02:00","endTimeOfDay":"03:00"}]},
      {"id":"noon","pricePerKwh":{"nanos":-50000000},
       "windows":[{"weekdays":["SATURDAY","SUNDAY"],"startTimeOfDay":"11:00",
                   "endTimeOfDay":"14:00","seasonStartDay":"10-01","seasonEndDay":"03-31"}]}]},
    "feedIn":{"prices":[{"id":"evening","pricePerKwh":{"nanos":80000000},
                         "windows":[{"startTimeOfDay":"18:00"}]}]},
    "subscriptions":[{"basis":"GRID_CONNECTION","monthPrice":{"units":"10"}},
                     {"basis":"PARTICIPANT","monthPrice":{"units":"-31"}}],
    "pieceFees":[{"basis":"GRID_CONNECTION_MONTH","price":{"nanos":500000000}}]}]})";

absl::StatusOr<Rules> RulesOfNight() {
  return ReadRules(
      R"({"name":"communities/c","interval":"900s","timeZone":"Europe/Berlin",
          "tradingStartTime":"2026-01-01T00:00:00Z"})",
      kNight, "{}",
      R"({"meteringPoints":[
          {"name":"meteringPoints/m","participant":"participants/p","gridConnection":"g",
           "community":"communities/c","createTime":"2026-10-24T12:05:00.5Z"},
          {"name":"meteringPoints/n","participant":"participants/p","gridConnection":"h",
           "community":"communities/c","createTime":"2026-10-26T09:00:00Z"}]})");
}

TEST(Rules, PricesAreThoseOfTheClockOnTheWall) {
  const auto rules = RulesOfNight();
  ASSERT_TRUE(rules.ok()) << rules.status();
  struct Case {
    const char* time;
    std::optional<int64_t> retail;
    std::optional<int64_t> feed_in;
  };
  const Case cases[] = {
      {"2025-12-31T22:45:00Z", {}, {}},
      {"2026-03-29T00:45:00Z", 300'000, {}},   // 01:45; then the clock skips to 03:00
      {"2026-03-29T01:00:00Z", 300'000, {}},
      {"2026-03-30T00:00:00Z", 200'000, {}},   // 02:00
      {"2026-10-25T00:00:00Z", 200'000, {}},   // 02:00
      {"2026-10-25T01:45:00Z", 200'000, {}},   // 02:45 again
      {"2026-10-25T02:00:00Z", 300'000, {}},   // 03:00
      {"2026-10-25T10:00:00Z", -50'000, {}},   // a Sunday in winter, 11:00
      {"2026-10-26T10:00:00Z", 300'000, {}},   // a Monday
      {"2026-09-27T09:00:00Z", 300'000, {}},   // a Sunday in summer
      {"2026-10-25T17:00:00Z", 300'000, 80'000},
      {"2026-10-25T22:45:00Z", 300'000, 80'000},
      {"2026-10-25T23:00:00Z", 300'000, {}}};
  for (const Case& c : cases) {
    const Terms terms = rules->TermsAt(*SecondsFrom(c.time));
    EXPECT_EQ(terms.retail, c.retail) << c.time;
    EXPECT_EQ(terms.feed_in, c.feed_in) << c.time;
  }
}

TEST(Membership, OwesDaysAndMonthsFromItsFirstMoment) {
  const auto rules = RulesOfNight();
  ASSERT_TRUE(rules.ok()) << rules.status();
  const Membership membership(*rules);
  using Sums = std::map<std::string, int64_t>;
  const auto at = [&](const char* time) {
    return membership.DuesAt(*SecondsFrom(time), rules->tariffs.front());
  };
  const MembershipDues joined = at("2026-10-24T12:00:00Z");
  EXPECT_EQ(joined.subscriptions, (Sums{{"p:", -1'000'000}, {"p:g", 322'581}}));
  EXPECT_EQ(joined.fees, (Sums{{"p:g", 500'000}}));
  EXPECT_TRUE(at("2026-10-24T12:15:00Z").subscriptions.empty());
  const MembershipDues next = at("2026-10-24T22:00:00Z");
  EXPECT_EQ(next.subscriptions, (Sums{{"p:", -1'000'000}, {"p:g", 322'581}}));
  EXPECT_EQ(next.fees.count("p:g") == 0 ? 0 : next.fees.at("p:g"), 0);
  EXPECT_EQ(at("2026-10-26T09:00:00Z").subscriptions, (Sums{{"p:h", 322'581}}));
  const MembershipDues month = at("2026-10-31T23:00:00Z");
  EXPECT_EQ(month.subscriptions,
            (Sums{{"p:", -1'033'333}, {"p:g", 333'333}, {"p:h", 333'333}}));
  EXPECT_EQ(month.fees.at("p:h"), 500'000);
}

TEST(Rules, WhatATariffHasThatIsNotKnownIsRefused) {
  for (const char* field : {"id", "startTimeOfDay", "basis", "pieceFees", "versionNumber"}) {
    std::string text = kNight;
    text.replace(text.find(absl::StrCat("\"", field, "\"")) + 1, 1, "X");
    EXPECT_FALSE(ReadRules(R"({"name":"communities/c"})", text, "{}", "{}").ok()) << field;
  }
}

TEST(VerifyFolder, NeedsItsFiles) {
  EXPECT_EQ(VerifyFolder("/nowhere").status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace peerwatt::verify
