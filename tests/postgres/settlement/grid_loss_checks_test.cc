// Losses of the network that are not what was measured: reconciliation and the independent checker
// both find them.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
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
    "retailPricePerKwh":{"nanos":300000000},"feedInPricePerKwh":{"nanos":80000000},
    "startTime":"2026-01-01T00:00:00Z"}]})";
constexpr char kTrades[] =
    "delivery_start,trade,seller,buyer,seller_metering_point,buyer_metering_point,energy_wh,"
    "price_per_kwh,network_fee_per_kwh\r\n"
    "2026-07-01T00:00:00Z,t1,seller,buyer,seller,buyer,1000,0.200000,0.020000\r\n";

std::string PointsJson() {
  std::string points;
  for (const char* name : {"buyer", "seller", "consumer"}) {
    absl::StrAppend(&points, R"({"name":"meteringPoints/)", name,
                    R"(","participant":"participants/)", name,
                    R"(","gridConnection":"connection","community":"communities/hamlet",)",
                    R"("role":"MEMBER_CONNECTION"},)");
  }
  return absl::StrCat(R"({"meteringPoints":[)", points,
                      R"({"name":"meteringPoints/boundary","participant":"participants/grid",
      "gridConnection":"boundary","community":"communities/hamlet","role":"COMMUNITY_BOUNDARY",
      "createTime":"2026-06-01T12:34:56.789Z"}]})");
}

/// The books of `ReconciliationTest`, in a hamlet with a boundary: 750 Wh in, 20 out, 777 fed in
/// and 1400 drawn at last.
class GridLossChecksTest : public ReconciliationTest {
 protected:
  void SetUp() override {
    registry_.snapshot.boundaries = {
        {MeteringPointId("boundary"), ParticipantId("grid"), GridConnectionId("boundary")}};
    metering_.Store("boundary", Quarter(0), 750, 20);
    ReconciliationTest::SetUp();
  }

  std::string Export(BooksPart part) {
    PostgresBooksFile file(pool_, 1000);
    std::string text;
    AppendHeader(part, text);
    const auto next = file.AppendPage(community_, part, "", text);
    EXPECT_TRUE(next.ok() && next->empty()) << next.status();
    return text;
  }
  /// What the checker finds, by check.
  Names Verify(const std::string& boundary_reading = "750,20,MEASURED") {
    const std::string points = PointsJson();
    const std::string journal = Export(BooksPart::kJournal);
    const std::string accounts = Export(BooksPart::kAccounts);
    const std::string periods = Export(BooksPart::kPeriods);
    std::string readings = "metering_point,start_time,end_time,import_wh,export_wh,quality\r\n";
    for (const std::string& reading :
         {std::string("buyer 1000,0,MEASURED"), std::string("consumer 400,0,MEASURED"),
          std::string("seller 0,777,MEASURED"), absl::StrCat("boundary ", boundary_reading)}) {
      const size_t space = reading.find(' ');
      absl::StrAppend(&readings, reading.substr(0, space),
                      ",2026-07-01T00:00:00Z,2026-07-01T00:15:00Z,", reading.substr(space + 1),
                      "\r\n");
    }
    verify::Inputs inputs{kCommunity, kTariffs, "{}",    points,    journal,
                          accounts,   periods,  kTrades, {readings}};
    const auto result = verify::Verify(inputs);
    EXPECT_TRUE(result.ok()) << result.status();
    std::set<std::string> checks;
    if (result.ok()) {
      for (const verify::Finding& finding : result->findings.kept()) checks.insert(finding.check);
    }
    return {checks.begin(), checks.end()};
  }
  /// Whether reconciliation finds it by the check that is there for it.
  Names Reconcile() { return ChecksOf(LookAtAll()); }
};

TEST_F(GridLossChecksTest, SoundBooksHaveNoFinding) {
  EXPECT_EQ(PeriodAt(0).grid_loss->energy, Energy::WattHours(750 + 777 - 1'400 - 20));
  EXPECT_EQ(TextOf(LookAtAll()), "");
  EXPECT_EQ(Verify(), Names());
}

TEST_F(GridLossChecksTest, ALossThatDoesNotFollowFromTheEnergiesIsFound) {
  ASSERT_EQ(TextOf(LookAtAll()), "");
  Corrupt("UPDATE period_grid_losses SET loss_wh = loss_wh + 1");
  EXPECT_EQ(Reconcile(), Names{"grid_loss"});
  EXPECT_EQ(Verify(), Names{"grid_loss"});
}

TEST_F(GridLossChecksTest, AnAmountThatIsNotTheLossAtItsPriceIsFound) {
  Corrupt("UPDATE period_grid_losses SET amount_micros = amount_micros + 1");
  EXPECT_EQ(Reconcile(), Names{"grid_loss"});
  EXPECT_EQ(Verify(), Names{"grid_loss"});
}

TEST_F(GridLossChecksTest, AnEntryThatPostsAnotherLossIsFound) {
  // Closing sums and accounts are what they were: other checks see that too.
  Corrupt(
      "UPDATE journal_entries SET amounts_micros = ARRAY[amounts_micros[1] + 1, "
      "amounts_micros[2] - 1] WHERE kind = 'grid-loss' AND idempotency_key LIKE '%:2'");
  const Names found = Reconcile();
  EXPECT_TRUE(std::count(found.begin(), found.end(), "grid_loss")) << "not among what was found";
  const Names verified = Verify();
  EXPECT_TRUE(std::count(verified.begin(), verified.end(), "grid_loss"));
}

TEST_F(GridLossChecksTest, ALossBookedToAnotherAccountIsFound) {
  Corrupt(
      "UPDATE journal_entries SET account_nos = array_replace(account_nos, "
      "(SELECT account_no FROM accounts WHERE account_id = 'grid-loss'), "
      "(SELECT account_no FROM accounts WHERE account_id = 'participant-consumer')) "
      "WHERE kind = 'grid-loss'");
  const Names found = Reconcile();
  EXPECT_TRUE(std::count(found.begin(), found.end(), "grid_loss"));
  const Names verified = Verify();
  EXPECT_TRUE(std::count(verified.begin(), verified.end(), "grid_loss"));
}

TEST_F(GridLossChecksTest, ALossThatSomebodyElseShouldPayIsNoEntryOfALine) {
  Corrupt(
      "UPDATE journal_entries SET idempotency_key = 'loss' || entry_no "
      "WHERE kind = 'grid-loss'");
  EXPECT_EQ(Reconcile(), (Names{"grid_loss", "line_posting"}));
}

TEST_F(GridLossChecksTest, TheCheckerSeesACoverUp) {
  // Row, entries and sums agree with each other: only the meter says otherwise.
  EXPECT_EQ(Verify("751,20,MEASURED"), Names{"grid_loss"});
}

TEST_F(GridLossChecksTest, ALossWithoutAReadingIsFound) {
  EXPECT_EQ(Verify("0,0,MISSING"), Names{"grid_loss"});
}

}  // namespace
}  // namespace peerwatt::settlement
