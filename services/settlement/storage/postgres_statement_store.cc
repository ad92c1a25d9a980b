#include "services/settlement/storage/postgres_statement_store.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "libs/base/check.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/postgres/codec.h"
#include "services/settlement/core/billing/charges.h"
#include "services/settlement/core/billing/errors.h"
#include "services/settlement/storage/ledger_session.h"
#include "services/settlement/storage/postgres_books_reader.h"
#include "services/settlement/storage/statement_issue.h"
#include "services/settlement/storage/statement_queries.h"
#include "services/settlement/storage/statement_rows.h"

namespace peerwatt::settlement {
namespace {

using postgres::Exec;
using postgres::Int32From;
using postgres::Int64From;
using postgres::TextFrom;
using postgres::ToSql;
using postgres::ToSqlArray;

// How often two that change a participant's details at once get out of each other's way.
constexpr int kDetailsAttempts = 5;

absl::Status StatementNotFound(const ParticipantId& participant, const std::string& id) {
  const std::string name = absl::StrCat("participants/", participant.value(), "/statements/", id);
  return Error(kNotFound, absl::StrCat(name, " does not exist"), {{"resource", name}});
}

absl::StatusOr<std::vector<Issuer>> LoadIssuers(pqxx::work& tx, const CommunityId& community) {
  std::vector<Issuer> issuers;
  for (const auto& row : Exec(tx, kListIssuers, community.value())) {
    issuers.push_back(IssuerFrom(row, community));
  }
  return issuers;
}

// One call that issues, within its transaction.
class Issuing {
 public:
  Issuing(pqxx::work& tx, LedgerSession& ledger, const LedgerCache& cache,
          const IssueRequest& request)
      : tx_(tx), ledger_(ledger), cache_(cache), request_(request) {}

  absl::StatusOr<std::vector<Statement>> Run() {
    const CommunityId& community = request_.query.community;
    const std::string hash = cache_.Hash(ContentOfRequest(request_));
    const pqxx::result earlier =
        Exec(tx_, kSelectStatementIssue, community.value(), request_.request_id);
    if (!earlier.empty()) {
      if (postgres::BytesFrom(earlier[0]["content_hash"]) != hash) {
        return Error(kContentDiffers, "another request had this id",
                     {{"request_id", request_.request_id}});
      }
      return StatementsFrom(
          tx_, community,
          Exec(tx_, kListStatementsOfRequest, community.value(), request_.request_id));
    }
    PW_RETURN_IF_ERROR(Draft());
    WriteIssue(hash);
    Number();
    Post();
    return Write();
  }

 private:
  absl::Status Draft() {
    PW_ASSIGN_OR_RETURN(frame_, LoadFrame(tx_, request_.query, ledger_.now()));
    const pqxx::result head = Exec(tx_, kSelectSettledThrough, frame_.community.value());
    PW_RETURN_IF_ERROR(
        CheckMonth(frame_.month, ledger_.now(), postgres::TimeFrom(head[0]["settled_through_at"])));
    bases_ =
        LoadBases(tx_, frame_,
                  request_.participants.empty() ? LoadBilled(tx_, frame_) : request_.participants);
    for (const LoadedBasis& loaded : bases_) {
      PW_ASSIGN_OR_RETURN(StatementDraft draft, DraftOf(frame_, loaded.basis));
      if (!draft.is_changed && draft.unpriced.empty()) continue;
      PW_RETURN_IF_ERROR(CheckDraft(draft, loaded.basis));
      drafts_.push_back(std::move(draft));
      sequences_.push_back(loaded.sequence_no + 1);
    }
    return absl::OkStatus();
  }

  void WriteIssue(const std::string& hash) {
    const pqxx::result counts = Exec(tx_, kSelectRunCounts, frame_.community.value(),
                                     ToSql(frame_.month.start()), ToSql(frame_.month.end()));
    const bool has_periods = !counts[0]["periods_from_at"].is_null();
    Exec(tx_, kInsertStatementIssue, frame_.community.value(), request_.request_id,
         postgres::ToSqlBytes(hash),
         has_periods ? TextFrom(counts[0]["periods_from_at"]) : ToSql(frame_.month.start()),
         has_periods ? TextFrom(counts[0]["run_counts"]) : std::string("{}"), ToSql(ledger_.now()));
  }

  // Numbers are taken once all that can be refused was accepted.
  void Number() {
    if (drafts_.empty()) return;
    const Issuer* issuer = IssuerOn(frame_.issuers, frame_.today);
    PW_CHECK(issuer != nullptr, "a draft has an issuer");
    const std::string& series = SeriesOf(*issuer, frame_.kind);
    const auto year = static_cast<int32_t>(frame_.today.year());
    const auto count = static_cast<int64_t>(drafts_.size());
    const pqxx::result taken =
        Exec(tx_, kTakeStatementNumbers, frame_.community.value(), series, year, count);
    int64_t number = Int64From(taken[0]["last_no"]) - count;
    for (size_t i = 0; i < drafts_.size(); ++i) {
      NumberedDraft& next = numbered_.emplace_back();
      next.draft = &drafts_[i];
      next.series = series;
      next.serial_no = ++number;
      next.sequence_no = sequences_[i];
      Statement& statement = next.statement;
      statement.document = drafts_[i].document;
      statement.document.number = DocumentNumber(series, year, number);
      statement.id = absl::AsciiStrToLower(statement.document.number);
      statement.participant = drafts_[i].participant;
      statement.content_hash = cache_.Hash(ContentOfStatement(statement.document));
      statement.created_at = ledger_.now();
    }
  }

  void Post() {
    std::vector<JournalEntry> entries;
    std::vector<Statement*> with_entry;
    for (NumberedDraft& next : numbered_) {
      std::optional<JournalEntry> entry =
          EntryOfStatement(next.statement.document, next.statement.participant);
      if (!entry.has_value()) continue;
      entries.push_back(*std::move(entry));
      with_entry.push_back(&next.statement);
    }
    if (entries.empty()) return;
    int64_t number = ledger_.Post(entries);
    for (Statement* statement : with_entry) statement->entry_number = number++;
  }

  std::vector<Statement> Write() {
    if (!numbered_.empty()) {
      InsertStatements(tx_, frame_.community, request_.request_id, numbered_);
    }
    std::vector<Statement> statements;
    for (NumberedDraft& next : numbered_) statements.push_back(std::move(next.statement));
    return statements;
  }

  pqxx::work& tx_;
  LedgerSession& ledger_;
  const LedgerCache& cache_;
  const IssueRequest& request_;
  StatementFrame frame_;
  std::vector<LoadedBasis> bases_;
  std::vector<StatementDraft> drafts_;
  std::vector<int32_t> sequences_;
  std::vector<NumberedDraft> numbered_;
};

}  // namespace

absl::StatusOr<Issuer> PostgresStatementStore::CreateIssuer(const CommunityId& community,
                                                            const Issuer& issuer) {
  Issuer kept;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) -> absl::Status {
    if (Exec(tx, kSelectSettledThrough, community.value()).empty()) {
      return LedgerNotFound(community);
    }
    InsertIssuer(tx, community, issuer);
    PW_ASSIGN_OR_RETURN(const std::vector<Issuer> issuers, LoadIssuers(tx, community));
    const Issuer* other = nullptr;
    for (const Issuer& version : issuers) {
      if (version.id == issuer.id) {
        kept = version;
        return SameContent(version, issuer)
                   ? absl::OkStatus()
                   : Error(kContentDiffers, "the issuer exists with other content",
                           {{"issuer", issuer.id}});
      }
      if (version.starts_on == issuer.starts_on) other = &version;
    }
    PW_CHECK(other != nullptr, "a version that is not kept begins with another");
    return Error(kIssuerStartTaken, "another version begins on that day",
                 {{"issuer", other->id}, {"day", ToSqlDay(issuer.starts_on)}});
  }));
  return kept;
}

absl::StatusOr<std::vector<Issuer>> PostgresStatementStore::ListIssuers(
    const CommunityId& community) {
  std::vector<Issuer> issuers;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) -> absl::Status {
    PW_ASSIGN_OR_RETURN(issuers, LoadIssuers(tx, community));
    return absl::OkStatus();
  }));
  return issuers;
}

absl::StatusOr<BillingDetails> PostgresStatementStore::PutBillingDetails(
    const CommunityId& community, const BillingDetails& details, bool sets_tax) {
  BillingDetails kept;
  const std::string ids = ToSqlArray(std::vector<std::string>{details.party.id});
  const auto put = [&](pqxx::work& tx) {
    const pqxx::result newest = Exec(tx, kSelectBillingDetails, community.value(), ids);
    int32_t version = 0;
    kept = details;
    if (!newest.empty()) {
      const BillingDetails before = BillingDetailsFrom(newest[0]);
      version = Int32From(newest[0]["version"]);
      if (!sets_tax) kept.supply_tax = before.supply_tax;
      if (SameContent(before, kept)) {
        kept = before;
        return absl::OkStatus();
      }
    } else if (!sets_tax) {
      kept.supply_tax.reset();
    }
    InsertBillingDetails(tx, community, kept, version + 1);
    return absl::OkStatus();
  };
  absl::Status status;
  for (int attempt = 0; attempt < kDetailsAttempts; ++attempt) {
    status = pool_.Run(put);
    if (!absl::IsAlreadyExists(status)) break;
  }
  PW_RETURN_IF_ERROR(status);
  return kept;
}

absl::StatusOr<std::optional<BillingDetails>> PostgresStatementStore::FindBillingDetails(
    const CommunityId& community, const ParticipantId& participant) {
  std::optional<BillingDetails> details;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    details.reset();
    const pqxx::result rows = Exec(tx, kSelectBillingDetails, community.value(),
                                   ToSqlArray(std::vector<std::string>{participant.value()}));
    if (!rows.empty()) details = BillingDetailsFrom(rows[0]);
    return absl::OkStatus();
  }));
  return details;
}

absl::StatusOr<StatementDraft> PostgresStatementStore::Preview(const StatementQuery& query,
                                                               const ParticipantId& participant,
                                                               absl::Time now) {
  StatementDraft draft;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) -> absl::Status {
    PW_ASSIGN_OR_RETURN(const StatementFrame frame, LoadFrame(tx, query, now));
    const std::vector<LoadedBasis> bases = LoadBases(tx, frame, {participant});
    PW_ASSIGN_OR_RETURN(draft, DraftOf(frame, bases.front().basis));
    return absl::OkStatus();
  }));
  return draft;
}

absl::StatusOr<std::vector<Statement>> PostgresStatementStore::Issue(const IssueRequest& request,
                                                                     absl::Time now) {
  std::vector<Statement> statements;
  PW_RETURN_IF_ERROR(WriteLedger(pool_, cache_, request.query.community, now,
                                 [&](pqxx::work& tx, LedgerSession& ledger) -> absl::Status {
                                   PW_ASSIGN_OR_RETURN(statements,
                                                       Issuing(tx, ledger, cache_, request).Run());
                                   return absl::OkStatus();
                                 }));
  return statements;
}

absl::StatusOr<Statement> PostgresStatementStore::GetStatement(const CommunityId& community,
                                                               const ParticipantId& participant,
                                                               const std::string& id) {
  std::vector<Statement> found;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    found = StatementsFrom(tx, community,
                           Exec(tx, kSelectStatement, community.value(), id, participant.value()));
    return absl::OkStatus();
  }));
  if (found.empty()) return StatementNotFound(participant, id);
  if (cache_.Hash(ContentOfStatement(found.front().document)) != found.front().content_hash) {
    return Error(kInternalError, absl::StrCat("statement ", id, " is not what was issued"));
  }
  return std::move(found.front());
}

absl::StatusOr<std::vector<Statement>> PostgresStatementStore::ListStatements(
    const CommunityId& community, const ParticipantId& participant, const std::string& after,
    int32_t limit) {
  std::vector<Statement> found;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    found = StatementsFrom(
        tx, community,
        Exec(tx, kListStatements, community.value(), participant.value(), after, limit));
    return absl::OkStatus();
  }));
  return found;
}

absl::StatusOr<std::vector<PostedBillLine>> PostgresStatementStore::ListSettlementLines(
    const CommunityId& community, absl::TimeZone zone, const StatementLineId& line,
    const std::optional<LinePosition>& after, int32_t limit) {
  std::vector<PostedBillLine> lines;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) -> absl::Status {
    lines.clear();
    const pqxx::result head = Exec(tx, kSelectStatementLine, community.value(), line.statement,
                                   line.participant.value(), line.line);
    if (head.empty()) {
      return StatementNotFound(line.participant,
                               absl::StrCat(line.statement, "/lines/", line.line));
    }
    const LocalMonth month = MonthIn(absl::CivilMonth(DayFrom(head[0]["month"])), zone);
    const std::vector<absl::Time> days(month.day_starts.begin(), month.day_starts.end() - 1);
    for (const auto& row :
         Exec(tx, kListLinesOfStatement, community.value(), line.statement,
              line.participant.value(), line.line, ToSqlArray(days), ToSql(month.end()),
              after.has_value() ? ToSql(after->period_start) : std::string("-infinity"),
              after.has_value() ? after->run : 0, after.has_value() ? after->number : 0, limit)) {
      lines.push_back(BillLineFrom(row));
    }
    return absl::OkStatus();
  }));
  return lines;
}

absl::StatusOr<std::optional<StatementPart>> PostgresStatementStore::FindPart(
    const CommunityId& community, absl::TimeZone zone, const PostedBillLine& line) {
  std::optional<StatementPart> part;
  const LineKey& key = line.line.key;
  const std::optional<DocumentKind> document = DocumentOf(key.kind);
  if (!document.has_value()) return part;
  const absl::CivilDay day = absl::ToCivilDay(line.period_start, zone);
  const auto day_key = static_cast<int32_t>(2 * (day.day() - 1) + (key.is_taxable ? 1 : 0));
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    part.reset();
    const pqxx::result rows =
        Exec(tx, kSelectPartOfLine, community.value(), key.participant.value(),
             ToSqlDay(absl::CivilDay(absl::CivilMonth(day))),
             *document == DocumentKind::kInvoice ? 1 : 2, ToSql(line.period_start), line.run,
             static_cast<int32_t>(key.kind), day_key);
    if (rows.empty()) return absl::OkStatus();
    const auto money = [&](const char* column) {
      return Money::Micros(Int64From(rows[0][column]));
    };
    part = StatementPart{
        {key.participant, TextFrom(rows[0]["statement_id"]), Int32From(rows[0]["line_no"])},
        money("exact_total_micros"),
        money("billed_before_micros") + money("net_micros"),
        money("billed_before_micros"),
        money("net_micros")};
    return absl::OkStatus();
  }));
  return part;
}

}  // namespace peerwatt::settlement
