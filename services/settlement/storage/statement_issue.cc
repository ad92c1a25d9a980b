#include "services/settlement/storage/statement_issue.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "libs/postgres/codec.h"
#include "services/settlement/core/billing/charges.h"
#include "services/settlement/storage/ledger_session.h"
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

int32_t NumberOf(DocumentKind kind) { return kind == DocumentKind::kInvoice ? 1 : 2; }

// The bases of participants by their ids.
class Bases {
 public:
  explicit Bases(const std::vector<ParticipantId>& participants) : loaded_(participants.size()) {
    for (size_t i = 0; i < participants.size(); ++i) {
      loaded_[i].basis.participant = participants[i];
      places_[participants[i].value()] = i;
      ids_.push_back(participants[i].value());
    }
  }
  LoadedBasis& Of(const pqxx::row& row) {
    return loaded_[places_.at(TextFrom(row["participant_id"]))];
  }
  const std::vector<std::string>& ids() const { return ids_; }
  std::vector<LoadedBasis> Take() { return std::move(loaded_); }

 private:
  std::vector<LoadedBasis> loaded_;
  std::map<std::string, size_t> places_;
  std::vector<std::string> ids_;
};

void LoadEarlier(pqxx::work& tx, const StatementFrame& frame, const std::string& ids,
                 Bases& bases) {
  const std::string month = ToSqlDay(absl::CivilDay(frame.month.month));
  const int32_t kind = NumberOf(frame.kind);
  const std::string& community = frame.community.value();
  for (const auto& row : Exec(tx, kSelectFirstStatements, community, ids, month, kind)) {
    LoadedBasis& loaded = bases.Of(row);
    loaded.basis.earlier.first_number = TextFrom(row["number"]);
    loaded.basis.earlier.first_issued_on = DayFrom(row["issued_on"]);
    loaded.sequence_no = Int32From(row["last_sequence_no"]);
  }
  for (const auto& row : Exec(tx, kSumBilledLines, community, ids, month, kind)) {
    bases.Of(row).basis.earlier.billed.lines[{TextFrom(row["charge_key"]), TaxClassFrom(row)}] = {
        Energy::WattHours(Int64From(row["energy_wh"])),
        Money::Micros(Int64From(row["exact_micros"])), Money::Micros(Int64From(row["net_micros"]))};
  }
  for (const auto& row : Exec(tx, kSumBilledTaxes, community, ids, month, kind)) {
    bases.Of(row).basis.earlier.billed.taxes[TaxClassFrom(row)] =
        Money::Micros(Int64From(row["amount_micros"]));
  }
}

// Where the days of a month begin, without its end.
std::string DayStarts(const LocalMonth& month) {
  return ToSqlArray(std::vector<absl::Time>(month.day_starts.begin(), month.day_starts.end() - 1));
}

}  // namespace

absl::StatusOr<StatementFrame> LoadFrame(pqxx::work& tx, const StatementQuery& query,
                                         absl::Time now) {
  StatementFrame frame;
  frame.community = query.community;
  frame.kind = query.kind;
  frame.month = MonthIn(query.month, query.zone);
  frame.today = absl::ToCivilDay(now, query.zone);
  const pqxx::result head = Exec(tx, kSelectSettledThrough, query.community.value());
  if (head.empty()) return LedgerNotFound(query.community);
  frame.currency = TextFrom(head[0]["currency_code"]);
  for (const auto& row : Exec(tx, kListIssuers, query.community.value())) {
    frame.issuers.push_back(IssuerFrom(row, query.community));
  }
  return frame;
}

std::vector<LoadedBasis> LoadBases(pqxx::work& tx, const StatementFrame& frame,
                                   const std::vector<ParticipantId>& participants) {
  Bases bases(participants);
  const std::string ids = ToSqlArray(bases.ids());
  const std::string& community = frame.community.value();
  for (const auto& row : Exec(tx, kSumStatementDays, community, ids, DayStarts(frame.month),
                              ToSql(frame.month.end()))) {
    bases.Of(row).basis.sums.push_back(
        {static_cast<LineKind>(Int32From(row["kind"])), Int32From(row["day"]),
         postgres::BoolFrom(row["is_taxable"]), Energy::WattHours(Int64From(row["energy_wh"])),
         Money::Micros(Int64From(row["amount_micros"])),
         Energy::WattHours(Int64From(row["price_missing_wh"]))});
  }
  LoadEarlier(tx, frame, ids, bases);
  for (const auto& row : Exec(tx, kSelectBillingDetails, community, ids)) {
    bases.Of(row).basis.details = BillingDetailsFrom(row);
  }
  return bases.Take();
}

std::vector<ParticipantId> LoadBilled(pqxx::work& tx, const StatementFrame& frame) {
  std::vector<int32_t> kinds;
  for (const LineKind kind : KindsOf(frame.kind)) kinds.push_back(static_cast<int32_t>(kind));
  std::vector<ParticipantId> participants;
  for (const auto& row :
       Exec(tx, kSelectBilledParticipants, frame.community.value(), ToSql(frame.month.start()),
            ToSql(frame.month.end()), ToSqlArray(kinds))) {
    participants.emplace_back(TextFrom(row["participant_id"]));
  }
  return participants;
}

std::string ContentOfRequest(const IssueRequest& request) {
  std::string content = absl::StrCat("peerwatt-issue-1 ", NumberOf(request.query.kind), " ",
                                     absl::FormatCivilTime(request.query.month));
  for (const ParticipantId& participant : request.participants) {
    absl::StrAppend(&content, " ", participant.value());
  }
  return content;
}

}  // namespace peerwatt::settlement
