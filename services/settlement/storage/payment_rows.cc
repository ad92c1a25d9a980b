#include "services/settlement/storage/payment_rows.h"

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "libs/base/check.h"
#include "libs/base/error.h"
#include "libs/postgres/codec.h"
#include "services/settlement/storage/payment_queries.h"
#include "services/settlement/storage/postgres_transfer_store.h"

namespace peerwatt::settlement {
namespace {

using postgres::Exec;
using postgres::Int32From;
using postgres::Int64From;
using postgres::TextFrom;
using postgres::ToSql;
using postgres::ToSqlArray;

Money MoneyFrom(const pqxx::field& field) { return Money::Micros(Int64From(field)); }

BankAccount AccountFrom(const pqxx::row& row) {
  return {TextFrom(row["holder_name"]), TextFrom(row["iban"]), TextFrom(row["bic"])};
}

}  // namespace

Payment PaymentFrom(const pqxx::row& row) {
  Payment payment;
  payment.name = {CommunityId(TextFrom(row["community_id"])),
                  static_cast<PaymentKind>(Int32From(row["kind"])),
                  ParticipantId(TextFrom(row["participant_id"])), TextFrom(row["payment_id"])};
  payment.amount = MoneyFrom(row["amount_micros"]);
  payment.currency = TextFrom(row["currency_code"]);
  payment.state = static_cast<PaymentState>(Int32From(row["state"]));
  payment.method = static_cast<CollectionMethod>(Int32From(row["method"]));
  payment.end_to_end_id = TextFrom(row["end_to_end_id"]);
  payment.content_hash = postgres::BytesFrom(row["content_hash"]);
  payment.scheme = SchemeId(TextFrom(row["scheme_id"]));
  payment.file = TextFrom(row["file_id"]);
  payment.failure = TextFrom(row["failure"]);
  payment.created_at = postgres::TimeFrom(row["created_at"]);
  return payment;
}

PayoutDetails PayoutDetailsFrom(const CommunityId& community, const pqxx::row& row) {
  PayoutDetails details;
  details.community = community;
  details.participant = ParticipantId(TextFrom(row["participant_id"]));
  details.revision = Int32From(row["revision"]);
  details.account = AccountFrom(row);
  details.mandate_id = TextFrom(row["mandate_id"]);
  if (!details.mandate_id.empty()) details.mandate_signed_on = DayFrom(row["mandate_signed_on"]);
  return details;
}

KeptSettings SelectSettings(pqxx::work& tx, const CommunityId& community) {
  KeptSettings kept;
  kept.settings.community = community;
  const pqxx::result rows = Exec(tx, kSelectPaymentSettings, community.value());
  if (rows.empty()) return kept;
  kept.revision = Int32From(rows[0]["revision"]);
  kept.settings.account = AccountFrom(rows[0]);
  kept.settings.creditor_id = TextFrom(rows[0]["creditor_id"]);
  kept.settings.fund_limit = MoneyFrom(rows[0]["fund_limit_micros"]);
  return kept;
}

std::optional<PayoutDetails> SelectDetails(pqxx::work& tx, const CommunityId& community,
                                           const ParticipantId& participant) {
  const pqxx::result rows =
      Exec(tx, kSelectPayoutDetails, community.value(), participant.value());
  if (rows.empty()) return std::nullopt;
  return PayoutDetailsFrom(community, rows[0]);
}

std::optional<Payment> SelectPayment(pqxx::work& tx, const PaymentName& name) {
  const pqxx::result rows =
      Exec(tx, kSelectPayment, name.community.value(), static_cast<int32_t>(name.kind),
           name.participant.value(), name.id);
  if (rows.empty()) return std::nullopt;
  return PaymentFrom(rows[0]);
}

Money SelectFundAdvance(pqxx::work& tx, const CommunityId& community,
                        const ParticipantId& participant) {
  return MoneyFrom(
      Exec(tx, kSelectFundAdvance, community.value(), participant.value())[0]["advanced_micros"]);
}

void InsertPayments(pqxx::work& tx, const std::vector<Payment>& payments,
                    const std::vector<int32_t>& revisions, absl::Time now) {
  if (payments.empty()) return;
  PW_CHECK(payments.size() == revisions.size(), "a payment has a revision of details");
  std::vector<std::string> participants, ids, ends, hashes;
  std::vector<int64_t> amounts;
  std::vector<int32_t> states, methods;
  for (const Payment& payment : payments) {
    participants.push_back(payment.name.participant.value());
    ids.push_back(payment.name.id);
    amounts.push_back(payment.amount.micros());
    states.push_back(static_cast<int32_t>(payment.state));
    methods.push_back(static_cast<int32_t>(payment.method));
    ends.push_back(payment.end_to_end_id);
    hashes.push_back(absl::BytesToHexString(payment.content_hash));
  }
  const Payment& first = payments.front();
  Exec(tx, kInsertPayments, first.name.community.value(), static_cast<int32_t>(first.name.kind),
       first.scheme.value(), ToSql(now), ToSqlArray(participants), ToSqlArray(ids),
       ToSqlArray(amounts), ToSqlArray(states), ToSqlArray(methods), ToSqlArray(ends),
       ToSqlArray(hashes), ToSqlArray(revisions));
}

void UpdateStates(pqxx::work& tx, const std::vector<Payment>& payments, absl::Time now) {
  if (payments.empty()) return;
  std::vector<int32_t> kinds, states;
  std::vector<std::string> participants, ids, failures;
  for (const Payment& payment : payments) {
    kinds.push_back(static_cast<int32_t>(payment.name.kind));
    participants.push_back(payment.name.participant.value());
    ids.push_back(payment.name.id);
    states.push_back(static_cast<int32_t>(payment.state));
    failures.push_back(payment.failure);
  }
  const pqxx::result updated =
      Exec(tx, kUpdatePaymentStates, payments.front().name.community.value(), ToSql(now),
           ToSqlArray(kinds), ToSqlArray(participants), ToSqlArray(ids), ToSqlArray(states),
           ToSqlArray(failures));
  PW_CHECK(updated.affected_rows() == payments.size(), "a payment that changes exists");
}

absl::Status Apply(pqxx::work& tx, LedgerSession& ledger, const CommunityId& community,
                   const LedgerCache& cache, PaymentEffects effects) {
  if (!effects.transfers.empty()) {
    for (const ledger::TransferResult& result :
         CreateTransfers(tx, ledger, community, cache, std::move(effects.transfers))) {
      if (result.outcome == ledger::Outcome::kApplied) continue;
      return Error(kInternalError,
                   absl::StrCat("a payment's transfer was refused: ",
                                result.reason == nullptr ? "it exists" : result.reason->name));
    }
  }
  if (!effects.entries.empty()) ledger.Post(effects.entries);
  return absl::OkStatus();
}

std::string DayText(absl::CivilDay day) { return absl::FormatCivilTime(day); }

}  // namespace peerwatt::settlement
