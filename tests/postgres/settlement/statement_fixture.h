#pragma once

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/base/error.h"
#include "libs/postgres/codec.h"
#include "services/settlement/core/journal_entry.h"
#include "services/settlement/storage/postgres_evidence_store.h"
#include "services/settlement/storage/postgres_statement_store.h"
#include "tests/postgres/settlement/ledger_fixture.h"

namespace peerwatt::settlement {

/// The last hour of July 2026 in Berlin, and the first quarter of August: four periods are settled
/// by `SettleJuly`, a fifth by `SettleAugust`. An issuer at 20 % is in force since July.
class StatementTest : public LedgerTest {
 protected:
  static absl::TimeZone Berlin() {
    absl::TimeZone zone;
    EXPECT_TRUE(absl::LoadTimeZone("Europe/Berlin", &zone));
    return zone;
  }
  /// A quarter of the hour before August began: 21:00 to 22:00 UTC.
  static absl::Time Last(int quarter) {
    return absl::FromCivil(absl::CivilMinute(2026, 7, 31, 23, 15 * quarter), Berlin());
  }
  static absl::Time InAugust() { return Last(4) + absl::Hours(24); }

  static Line MakeLine(const std::string& participant, LineKind kind, int64_t wh, int64_t micros,
                       const std::string& trade = "") {
    Line line;
    line.key = {ParticipantId(participant), GridConnectionId("c1"), kind, TradeId(trade)};
    line.energy = Energy::WattHours(wh);
    line.amount = Money::Micros(micros);
    return line;
  }
  static Issuer MakeIssuer(const std::string& id, absl::CivilDay starts_on) {
    Issuer issuer;
    issuer.id = id;
    issuer.starts_on = starts_on;
    issuer.party = {
        "hamlet", "Hamlet Energy", "Elm Street 1", "Hamlet", "12345", "DE", "DE123456789", ""};
    issuer.account = {"Hamlet Energy", "DE89370400440532013000", ""};
    issuer.invoice_series = "R";
    issuer.self_billing_series = "G";
    issuer.payment_days = 14;
    issuer.tax = {"S", 200'000, ""};
    issuer.untaxed = {"E", 0, "Not taxable"};
    issuer.created_at = Start();
    return issuer;
  }

  void SetUp() override {
    LedgerTest::SetUp();
    Execute(
        absl::StrCat("UPDATE ledgers SET settled_through_at = '", postgres::ToSql(Last(0)), "'"));
    ASSERT_TRUE(
        statements_.CreateIssuer(community_, MakeIssuer("first", absl::CivilDay(2026, 7, 1))).ok());
  }
  void Execute(const std::string& sql) const {
    pqxx::connection connection(database_->owner_dsn());
    pqxx::work tx(connection);
    tx.exec(sql);
    tx.commit();
  }

  /// Who somebody is on documents; with a tax number, so that it can sell with VAT.
  void Describe(const std::string& participant) {
    BillingDetails details;
    details.party = {
        participant, absl::StrCat("Mr. ", participant), "Oak Street 2", "Hamlet", "12345", "DE", "",
        "42/123"};
    details.updated_at = Start();
    ASSERT_TRUE(statements_.PutBillingDetails(community_, details, true).ok());
  }

  /// Commits a run of a quarter.
  void Commit(int quarter, int32_t run_before, std::vector<Line> lines) {
    RunCommit run;
    run.community = community_;
    run.period = {Last(quarter), Last(quarter + 1)};
    run.run_before = run_before;
    run.lines = std::move(lines);
    std::sort(run.lines.begin(), run.lines.end(),
              [](const Line& a, const Line& b) { return a.key < b.key; });
    run.entries = EntriesOf(run.period.start, run_before + 1, run.lines);
    run.now = run.period.end;
    run.record = FirstRunOf(run.period);
    const absl::Status status = runs_.CommitRun(run);
    ASSERT_TRUE(status.ok()) << status;
  }
  /// Ada draws from the grid, from Bob and pays for the network; Bob sells and feeds in.
  static std::vector<Line> Quarter1Lines() {
    return {MakeLine("ada", LineKind::kRetail, 1000, -300'003),
            MakeLine("ada", LineKind::kPurchase, 500, -100'001, "t1"),
            MakeLine("bob", LineKind::kSale, 500, 100'001, "t1"),
            MakeLine("ada", LineKind::kNetworkFee, 500, -10'004, "t1"),
            MakeLine("bob", LineKind::kOperatorShare, 500, -10'000, "t1"),
            MakeLine("bob", LineKind::kFeedIn, 700, 56'007)};
  }
  void SettleJuly() {
    Commit(0, 0, Quarter1Lines());
    Commit(1, 0, {MakeLine("ada", LineKind::kRetail, 2000, -600'000)});
    Commit(2, 0, {});
    Commit(3, 0, {MakeLine("bob", LineKind::kFeedIn, 300, 24'000)});
  }

  absl::StatusOr<std::vector<Statement>> Issue(const std::string& request, DocumentKind kind,
                                               const std::vector<std::string>& participants,
                                               absl::Time now = InAugust()) {
    IssueRequest issue;
    issue.query = {community_, kind, absl::CivilMonth(2026, 7), Berlin()};
    issue.request_id = request;
    for (const std::string& participant : participants) {
      issue.participants.emplace_back(participant);
    }
    return statements_.Issue(issue, now);
  }
  std::string ReasonOfIssue(DocumentKind kind, const std::vector<std::string>& participants,
                            absl::Time now = InAugust()) {
    return ReasonOf(Issue("refused", kind, participants, now).status());
  }

  /// How far each series was counted, and the numbers that are missing in it: none.
  int64_t Gaps() const {
    return NumberFrom(
        "SELECT coalesce(sum(abs(n.last_no - (SELECT count(*) FROM statements AS s "
        "WHERE s.community_id = n.community_id AND s.series = n.series AND s.year = n.year))), 0) "
        "FROM statement_numbers AS n");
  }
  void TearDown() override {
    EXPECT_EQ(Gaps(), 0);
    LedgerTest::TearDown();
  }

  PostgresStatementStore statements_{pool_, cache_};
  PostgresEvidenceStore evidence_{pool_};
};

}  // namespace peerwatt::settlement
