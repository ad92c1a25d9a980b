// Files for the bank; statements are in postgres_bank_statements.cc.

#include <map>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/postgres/codec.h"
#include "services/settlement/core/payments/payment_errors.h"
#include "services/settlement/storage/ledger_session.h"
#include "services/settlement/storage/payment_queries.h"
#include "services/settlement/storage/payment_rows.h"
#include "services/settlement/storage/postgres_bank_store.h"

namespace peerwatt::settlement {
namespace {

using postgres::Exec;
using postgres::Int32From;
using postgres::Int64From;
using postgres::TextFrom;
using postgres::ToSql;
using postgres::ToSqlArray;

PaymentFile FileFrom(const CommunityId& community, const pqxx::row& row) {
  PaymentFile file;
  file.community = community;
  file.id = TextFrom(row["file_id"]);
  file.kind = static_cast<PaymentKind>(Int32From(row["kind"]));
  file.due_on = DayFrom(row["due_on"]);
  file.message_id = TextFrom(row["message_id"]);
  file.payment_count = Int32From(row["payment_count"]);
  file.total = Money::Micros(Int64From(row["total_micros"]));
  file.content = postgres::BytesFrom(row["content"]);
  file.created_at = postgres::TimeFrom(row["created_at"]);
  return file;
}

std::optional<PaymentFile> SelectFile(pqxx::work& tx, const CommunityId& community,
                                      const std::string& id) {
  const pqxx::result rows = Exec(tx, kSelectPaymentFile, community.value(), id);
  if (rows.empty()) return std::nullopt;
  return FileFrom(community, rows[0]);
}

std::string FileName(const CommunityId& community, const std::string& id) {
  return absl::StrCat("communities/", community.value(), "/paymentFiles/", id);
}

/// A payment that waits, with the account that it goes to or comes from.
struct Waiting {
  Payment payment;
  PayoutDetails details;
  bool is_first = false;  ///< collections: under the mandate
};

/// All payments of a kind that wait and whose bank account is known.
std::vector<Waiting> SelectWaiting(pqxx::work& tx, const PaymentFile& wanted) {
  std::map<ParticipantId, PayoutDetails> details;
  for (const auto& row : Exec(tx, kSelectAllPayoutDetails, wanted.community.value())) {
    PayoutDetails next = PayoutDetailsFrom(wanted.community, row);
    details.emplace(next.participant, std::move(next));
  }
  std::vector<Waiting> waiting;
  for (const auto& row : Exec(tx, kListWaitingPayments, wanted.community.value(),
                              static_cast<int32_t>(wanted.kind))) {
    const Payment payment = PaymentFrom(row);
    const auto found = details.find(payment.name.participant);
    if (found == details.end()) continue;
    if (wanted.kind == PaymentKind::kCollection && found->second.mandate_id.empty()) continue;
    waiting.push_back({payment, found->second});
  }
  return waiting;
}

/// Says which collections are the first under their mandates.
void MarkFirst(pqxx::work& tx, const CommunityId& community, std::vector<Waiting>& waiting) {
  std::vector<std::string> participants;
  for (const Waiting& next : waiting) participants.push_back(next.details.participant.value());
  std::set<std::pair<std::string, std::string>> used;
  for (const auto& row :
       Exec(tx, kSelectUsedMandates, community.value(), ToSqlArray(participants))) {
    used.emplace(TextFrom(row["participant_id"]), TextFrom(row["mandate_id"]));
  }
  for (Waiting& next : waiting) {
    next.is_first =
        used.emplace(next.details.participant.value(), next.details.mandate_id).second;
  }
}

absl::StatusOr<std::string> Write(const FileWriters& writers, const PaymentFileHeader& header,
                                  PaymentKind kind, const std::string& creditor_id,
                                  const std::vector<Waiting>& waiting) {
  std::vector<Payout> payouts;
  std::vector<Collection> collections;
  for (const Waiting& next : waiting) {
    const std::string text = FullName(next.payment.name);
    if (kind == PaymentKind::kPayout) {
      payouts.push_back(
          {next.payment.end_to_end_id, next.details.account, next.payment.amount, text});
      continue;
    }
    const Mandate mandate{next.details.mandate_id, next.details.mandate_signed_on, next.is_first};
    collections.push_back({next.payment.end_to_end_id, next.details.account, mandate,
                           next.payment.amount, text});
  }
  return kind == PaymentKind::kPayout ? writers.payouts(header, payouts)
                                      : writers.collections(header, creditor_id, collections);
}

void Keep(pqxx::work& tx, const PaymentFile& file, const std::vector<Waiting>& waiting) {
  std::vector<std::string> participants, ids, mandates;
  for (const Waiting& next : waiting) {
    participants.push_back(next.payment.name.participant.value());
    ids.push_back(next.payment.name.id);
    mandates.push_back(file.kind == PaymentKind::kCollection ? next.details.mandate_id : "");
  }
  Exec(tx, kInsertPaymentFile, file.community.value(), file.id, static_cast<int32_t>(file.kind),
       DayText(file.due_on), file.message_id, file.payment_count, file.total.micros(),
       postgres::ToSqlBytes(file.content), ToSql(file.created_at));
  Exec(tx, kHandOverPayments, file.community.value(), file.id, ToSql(file.created_at),
       static_cast<int32_t>(file.kind), ToSqlArray(participants), ToSqlArray(ids),
       ToSqlArray(mandates));
}

}  // namespace

absl::StatusOr<PaymentFile> PostgresBankStore::CreateFile(const PaymentFile& wanted,
                                                          absl::Time now) {
  PaymentFile kept;
  const auto create = [&](pqxx::work& tx, LedgerSession& ledger) -> absl::Status {
    if (std::optional<PaymentFile> known = SelectFile(tx, wanted.community, wanted.id)) {
      kept = *std::move(known);
      return absl::OkStatus();
    }
    const PaymentSettings settings = SelectSettings(tx, wanted.community).settings;
    if (settings.account.iban.empty()) {
      return Error(kPaymentSettingsMissing, "the community has named no bank account");
    }
    std::vector<Waiting> waiting = SelectWaiting(tx, wanted);
    if (waiting.empty()) return Error(kPaymentsNone, "nothing waits for a file");
    if (wanted.kind == PaymentKind::kCollection) MarkFirst(tx, wanted.community, waiting);
    kept = wanted;
    kept.created_at = now;
    kept.payment_count = static_cast<int32_t>(waiting.size());
    kept.total = Money();
    for (const Waiting& next : waiting) kept.total += next.payment.amount;
    const PaymentFileHeader header{kept.message_id, now, kept.due_on, settings.account,
                                   ledger.position().currency};
    PW_ASSIGN_OR_RETURN(kept.content,
                        Write(writers_, header, kept.kind, settings.creditor_id, waiting));
    Keep(tx, kept, waiting);
    return absl::OkStatus();
  };
  PW_RETURN_IF_ERROR(WriteLedger(pool_, cache_, wanted.community, now, create));
  if (kept.kind != wanted.kind || kept.due_on != wanted.due_on) {
    const std::string name = FileName(wanted.community, wanted.id);
    return Error(kContentDiffers, absl::StrCat(name, " exists with another kind or due date"),
                 {{"resource", name}});
  }
  return kept;
}

absl::StatusOr<PaymentFile> PostgresBankStore::GetFile(const CommunityId& community,
                                                       const std::string& id) {
  std::optional<PaymentFile> found;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    found = SelectFile(tx, community, id);
    return absl::OkStatus();
  }));
  if (!found.has_value()) {
    const std::string name = FileName(community, id);
    return Error(kNotFound, absl::StrCat(name, " does not exist"), {{"resource", name}});
  }
  return *std::move(found);
}

absl::StatusOr<std::vector<PaymentFile>> PostgresBankStore::ListFiles(
    const CommunityId& community, const std::string& after, int32_t limit) {
  std::vector<PaymentFile> files;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    files.clear();
    for (const auto& row : Exec(tx, kListPaymentFiles, community.value(), after, limit)) {
      files.push_back(FileFrom(community, row));
    }
    return absl::OkStatus();
  }));
  return files;
}

}  // namespace peerwatt::settlement
