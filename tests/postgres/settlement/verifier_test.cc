// The books as exported, recomputed by the independent checker, sound and corrupted.

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "services/settlement/core/reconciliation/books_file.h"
#include "services/settlement/storage/postgres_books_file.h"
#include "tests/postgres/settlement/reconciliation_fixture.h"
#include "tools/verify/verify.h"

namespace peerwatt::settlement {
namespace {

using reconciliation::BooksPart;

constexpr char kCommunity[] =
    R"({"name":"communities/hamlet","interval":"900s","operatorSharePpm":"100000"})";
constexpr char kTariffs[] = R"({"tariffs":[{"name":"communities/hamlet/tariffs/t1",
    "retailPricePerKwh":{"currencyCode":"EUR","nanos":300000000},
    "feedInPricePerKwh":{"currencyCode":"EUR","units":"0","nanos":80000000},
    "startTime":"2026-01-01T00:00:00Z"}]})";
constexpr char kPoints[] = R"([{"meteringPoints":[
    {"name":"meteringPoints/buyer","participant":"participants/buyer",
     "gridConnection":"connection","community":"communities/hamlet"},
    {"name":"meteringPoints/seller","participant":"participants/seller",
     "gridConnection":"connection","community":"communities/hamlet"}]},
   {"meteringPoints":[{"name":"meteringPoints/consumer","participant":"participants/consumer",
     "gridConnection":"connection","community":"communities/hamlet"},
    {"name":"meteringPoints/x","participant":"participants/x","community":"communities/other"}]}])";
constexpr char kTrades[] =
    "community,delivery_start,delivery_end,trade,seller,buyer,seller_metering_point,"
    "buyer_metering_point,offer,bid,energy_wh,price_per_kwh,buyer_price_per_kwh,"
    "network_fee_per_kwh,currency,trade_time,origin\r\n"
    "hamlet,2026-07-01T00:00:00Z,2026-07-01T00:15:00Z,t1,seller,buyer,seller,buyer,o,b,1000,"
    "0.200000,0.220000,0.020000,EUR,2026-06-30T23:00:00Z,AUCTION\r\n";
constexpr char kReadings[] =
    "metering_point,start_time,end_time,import_wh,export_wh,quality,method,revision\r\n"
    "buyer,2026-07-01T00:00:00Z,2026-07-01T00:15:00Z,1000,0,MEASURED,,1\r\n"
    "consumer,2026-07-01T00:00:00Z,2026-07-01T00:15:00Z,400,0,MEASURED,,1\r\n";
constexpr char kSellersReadings[] =
    "metering_point,start_time,end_time,import_wh,export_wh,quality,method,revision\r\n"
    "seller,2026-07-01T00:00:00Z,2026-07-01T00:15:00Z,0,777,MEASURED,,2\r\n";

class VerifierTest : public ReconciliationTest {
 protected:
  /// The part as the API sends it. A page has two rows.
  std::string Export(BooksPart part) {
    PostgresBooksFile file(pool_, 2);
    std::string text;
    AppendHeader(part, text);
    std::string after;
    do {
      const auto next = file.AppendPage(community_, part, after, text);
      EXPECT_TRUE(next.ok()) << next.status();
      after = next.ok() ? *next : "";
    } while (!after.empty());
    return text;
  }
  /// Names of the checks with findings, each once, and what they say.
  std::pair<Names, std::string> Verify() {
    const std::string journal = Export(BooksPart::kJournal);
    const std::string accounts = Export(BooksPart::kAccounts);
    const std::string periods = Export(BooksPart::kPeriods);
    verify::Inputs inputs;
    inputs.community = kCommunity;
    inputs.tariffs = kTariffs;
    inputs.schemes = "{}";
    inputs.points = kPoints;
    inputs.journal = journal;
    inputs.accounts = accounts;
    inputs.periods = periods;
    inputs.trades = trades_;
    inputs.readings = {kReadings, sellers_readings_};
    const auto result = verify::Verify(inputs);
    EXPECT_TRUE(result.ok()) << result.status();
    if (!result.ok()) return {};
    EXPECT_GT(result->journal.entries, 100);
    std::set<std::string> checks;
    std::string text;
    for (const verify::Finding& finding : result->findings.kept()) {
      checks.insert(finding.check);
      absl::StrAppend(&text, finding.check, " ", finding.subject, ": ", finding.detail, "\n");
    }
    return {{checks.begin(), checks.end()}, text};
  }

  std::string trades_ = kTrades;
  std::string sellers_readings_ = kSellersReadings;
};

TEST_F(VerifierTest, FindsNothingInSoundBooks) { EXPECT_EQ(Verify().second, ""); }

TEST_F(VerifierTest, FindsWhatDoesNotFollowFromTheReadings) {
  sellers_readings_ = absl::StrReplaceAll(kSellersReadings, {{"777", "778"}});
  EXPECT_EQ(Verify().first, (Names{"period_energy", "period_posting", "trade_transfer"}));
}

TEST_F(VerifierTest, FindsATradeThatTheMarketDoesNotKnow) {
  trades_ = std::string(kTrades, std::string(kTrades).find("hamlet,2026"));
  EXPECT_EQ(Verify().first, (Names{"entry_unexplained", "period_energy", "period_posting"}));
}

TEST_F(VerifierTest, FindsATradeAtAnotherPrice) {
  trades_ = absl::StrReplaceAll(kTrades, {{"0.200000", "0.200001"}});
  EXPECT_EQ(Verify().first, Names{"trade_transfer"});
}

TEST_F(VerifierTest, FindsACoverUp) {
  // A micro-unit too much, in lines and postings alike: readings and tariff say otherwise.
  Corrupt("UPDATE settlement_lines SET amount_micros = amount_micros - 1 WHERE kind = 5");
  Corrupt(
      "UPDATE journal_entries AS e SET amounts_micros = ARRAY(SELECT u.amount + CASE "
      "a.account_id WHEN 'main-grid' THEN 1 ELSE -1 END FROM unnest(e.account_nos, "
      "e.amounts_micros) WITH ORDINALITY AS u(no, amount, n) JOIN accounts AS a "
      "ON a.account_no = u.no ORDER BY u.n) WHERE kind = 'retail'");
  EXPECT_EQ(Verify().first, (Names{"account_balance", "period_posting"}));
}

TEST_F(VerifierTest, FindsAMissingEntryAndAWrongBalance) {
  Corrupt("DELETE FROM journal_entries WHERE idempotency_key = 'x100'");
  EXPECT_EQ(Verify().first, (Names{"account_balance", "entry_gap"}));
}

TEST_F(VerifierTest, FindsChangedEnergiesOfAPeriod) {
  Corrupt("UPDATE settlement_periods SET drawn_wh = drawn_wh + 1, retail_wh = retail_wh + 1");
  EXPECT_EQ(Verify().first, Names{"period_energy"});
}

TEST_F(VerifierTest, RefusesRulesThatItDoesNotKnow) {
  verify::Inputs inputs;
  inputs.community = kCommunity;
  const std::string tariffs = absl::StrReplaceAll(kTariffs, {{"\"name\"", "\"surprise\""}});
  inputs.tariffs = tariffs;
  inputs.schemes = "{}";
  inputs.points = kPoints;
  EXPECT_EQ(verify::Verify(inputs).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace peerwatt::settlement
