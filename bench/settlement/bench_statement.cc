// Times a month's statement on a database that is there: from the settlement lines to the issued
// document and its PDF, one participant after the other, against a bare SELECT of the same lines.
// Prints one JSON line.
//
//   bench_statement --dsn=… --community=bench --month=2026-07 --participants=11

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/strings/str_cat.h"
#include "libs/base/check.h"
#include "libs/crypto/digest.h"
#include "services/settlement/formats/pdf_document.h"
#include "services/settlement/storage/postgres_books_reader.h"
#include "services/settlement/storage/postgres_statement_store.h"
#include "services/settlement/storage/queries.h"

ABSL_FLAG(std::string, dsn, "", "Database, with a settled month of the participants h0, h1, …");
ABSL_FLAG(std::string, community, "bench", "Whose month it is");
ABSL_FLAG(std::string, month, "2026-07", "The month, in UTC");
ABSL_FLAG(int, participants, 11, "How many statements are timed; the first warms up");
ABSL_FLAG(std::string, fonts, "/usr/share/fonts/truetype/dejavu", "Folder of the PDF's fonts");

namespace peerwatt::settlement {
namespace {

double Now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void Check(const absl::Status& status) { PW_CHECK(status.ok(), status.ToString().c_str()); }

int Run() {
  const CommunityId community(absl::GetFlag(FLAGS_community));
  const auto month = ParseMonth(absl::GetFlag(FLAGS_month), "month");
  Check(month.status());
  postgres::Pool pool(absl::GetFlag(FLAGS_dsn), AllQueries(), 2);
  LedgerCache cache(crypto::Sha256);
  PostgresBooksReader books(pool, cache);
  PostgresStatementStore store(pool, cache);
  const PdfWriter pdf(absl::GetFlag(FLAGS_fonts));
  const LocalMonth days = MonthIn(*month, absl::UTCTimeZone());
  const absl::Time now = days.end() + absl::Hours(24);
  Issuer issuer;
  issuer.id = "first";
  issuer.starts_on = absl::CivilDay(*month);
  issuer.party = {community.value(), "Community", "", "", "", "DE", "DE123456789", ""};
  issuer.invoice_series = "R";
  issuer.self_billing_series = "G";
  issuer.tax = {"S", 190'000, ""};
  issuer.untaxed = UntaxedOf(issuer.tax);
  issuer.created_at = days.start();
  Check(store.CreateIssuer(community, issuer).status());
  std::vector<double> selects, issues, files;
  size_t lines = 0;
  for (int i = 0; i < absl::GetFlag(FLAGS_participants); ++i) {
    const ParticipantId participant(absl::StrCat("h", i));
    BillingDetails details;
    details.party = {participant.value(), "Household", "", "", "", "DE", "", ""};
    details.updated_at = days.start();
    Check(store.PutBillingDetails(community, details, false).status());
    const double begun = Now();
    const auto selected =
        books.ListLines(community, participant, {days.start(), days.end()}, {}, 1'000'000);
    const double read = Now();
    Check(selected.status());
    lines = selected->size();
    IssueRequest issue;
    issue.query = {community, DocumentKind::kInvoice, *month, absl::UTCTimeZone()};
    issue.request_id = absl::StrCat("r", i);
    issue.participants = {participant};
    const double asked = Now();
    const auto issued = store.Issue(issue, now);
    const double committed = Now();
    Check(issued.status());
    PW_CHECK(issued->size() == 1, "a month has a document");
    Check(pdf.Write(issued->front().document).status());
    const double written = Now();
    if (i == 0) continue;
    selects.push_back(read - begun);
    issues.push_back(committed - asked);
    files.push_back(written - committed);
  }
  std::printf(
      "{\"lines\": %zu, \"select_seconds\": %.6f, \"issue_seconds\": %.6f, "
      "\"pdf_seconds\": %.6f}\n",
      lines, Median(selects), Median(issues), Median(files));
  return 0;
}

}  // namespace
}  // namespace peerwatt::settlement

int main(int argc, char** argv) {
  absl::ParseCommandLine(argc, argv);
  return peerwatt::settlement::Run();
}
