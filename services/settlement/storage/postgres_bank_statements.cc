// Statements of the bank; files for it are in postgres_bank_files.cc.

#include <map>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/escaping.h"
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

KeptStatement StatementFrom(const pqxx::row& row) {
  const auto money = [&](const char* column) { return Money::Micros(Int64From(row[column])); };
  return {TextFrom(row["statement_id"]),       TextFrom(row["bank_id"]),
          money("opening_micros"),             money("closing_micros"),
          Int32From(row["entry_count"]),       Int32From(row["duplicate_count"]),
          Int32From(row["finding_count"]),     postgres::TimeFrom(row["created_at"])};
}

BankFinding FindingFrom(const pqxx::row& row) {
  BankFinding finding;
  finding.id = TextFrom(row["entry_id"]);
  finding.kind = static_cast<MatchKind>(Int32From(row["kind"]) - 1);
  finding.amount = Money::Micros(Int64From(row["amount_micros"]));
  finding.booked_on = DayFrom(row["booked_on"]);
  finding.end_to_end_id = TextFrom(row["end_to_end_id"]);
  finding.counterparty_name = TextFrom(row["counterparty_name"]);
  finding.counterparty_iban = TextFrom(row["counterparty_iban"]);
  finding.remittance = TextFrom(row["remittance"]);
  finding.dispute = TextFrom(row["dispute"]);
  finding.statement = TextFrom(row["statement_id"]);
  return finding;
}

/// Takes in the statements of one file within a transaction.
class Intake {
 public:
  Intake(pqxx::work& tx, LedgerSession& ledger, const CommunityId& community,
         const LedgerCache& cache, absl::Time now)
      : tx_(tx), ledger_(ledger), community_(community), cache_(cache), now_(now) {}

  absl::StatusOr<std::vector<KeptStatement>> Run(const std::vector<NewStatement>& statements) {
    const PaymentSettings settings = SelectSettings(tx_, community_).settings;
    if (settings.account.iban.empty()) {
      return Error(kPaymentSettingsMissing, "the community has named no bank account");
    }
    std::vector<KeptStatement> kept;
    for (const NewStatement& next : statements) {
      const pqxx::result known =
          Exec(tx_, kSelectBankStatement, community_.value(), next.id);
      if (!known.empty()) {
        kept.push_back(StatementFrom(known[0]));
        continue;
      }
      PW_RETURN_IF_ERROR(CheckStatement(next.statement, settings.account.iban,
                                        ledger_.position().currency));
      Load(next.statement);
      kept.push_back(Take(next));
    }
    PW_RETURN_IF_ERROR(Apply(tx_, ledger_, community_, cache_, std::move(effects_)));
    std::vector<Payment> changed;
    for (const auto& [id, payment] : payments_) {
      if (changed_.contains(id)) changed.push_back(payment);
    }
    UpdateStates(tx_, changed, now_);
    return kept;
  }

 private:
  std::string IdOf(const std::string& key) const {
    return absl::BytesToHexString(cache_.Hash(key));
  }

  /// Reads which entries are known, and the payments that they name.
  void Load(const BankStatement& statement) {
    std::vector<std::string> ids, ends;
    absl::flat_hash_map<std::string, std::string> key_of;
    for (std::string& key : EntryKeys(statement)) {
      ids.push_back(IdOf(key));
      key_of.emplace(ids.back(), std::move(key));
    }
    for (const auto& row :
         Exec(tx_, kSelectKnownBankEntries, community_.value(), ToSqlArray(ids))) {
      seen_.insert(key_of.at(TextFrom(row["entry_id"])));
    }
    for (const BankEntry& entry : statement.entries) {
      if (!entry.end_to_end_id.empty()) ends.push_back(entry.end_to_end_id);
    }
    for (const auto& row : Exec(tx_, kListPaymentsAtBank, community_.value(), ToSqlArray(ends))) {
      Payment payment = PaymentFrom(row);
      const bool is_payout = payment.name.kind == PaymentKind::kPayout;
      BankOrder order;
      order.amount = is_payout ? -payment.amount : payment.amount;
      order.returned = payment.state == PaymentState::kReturned;
      order.booked = order.returned || payment.state == PaymentState::kSucceeded;
      // What an earlier statement of the file did to it counts.
      orders_.emplace(payment.end_to_end_id, order);
      payments_.emplace(payment.end_to_end_id, std::move(payment));
    }
  }

  KeptStatement Take(const NewStatement& next) {
    const BankStatement& statement = next.statement;
    const std::vector<Match> matches = MatchStatement(statement, orders_, seen_);
    KeptStatement kept{next.id, statement.id, statement.opening, statement.closing,
                       static_cast<int32_t>(matches.size()), 0, 0, now_};
    Rows rows;
    for (size_t i = 0; i < matches.size(); ++i) {
      if (matches[i].kind == MatchKind::kDuplicate) {
        ++kept.duplicate_count;
        continue;
      }
      const bool is_finding = !Settle(statement.entries[i], matches[i], next.references[i]);
      kept.finding_count += is_finding ? 1 : 0;
      rows.Add(IdOf(matches[i].key), statement.entries[i], matches[i], is_finding,
               next.references[i]);
    }
    Exec(tx_, kInsertBankStatement, community_.value(), kept.id, kept.bank_id,
         kept.opening.micros(), kept.closing.micros(), kept.entry_count, kept.duplicate_count,
         kept.finding_count, ToSql(now_));
    rows.Insert(tx_, community_, next.id);
    return kept;
  }

  /// Moves the money of an entry. Returns false when there is none to move: a finding.
  bool Settle(const BankEntry& entry, const Match& match, const ParticipantId& reference) {
    switch (match.kind) {
      case MatchKind::kBooked:
        Succeed(payments_.at(entry.end_to_end_id), effects_);
        changed_.insert(entry.end_to_end_id);
        return true;
      case MatchKind::kReturned:
        TakeBack(payments_.at(entry.end_to_end_id), entry.return_reason, effects_);
        changed_.insert(entry.end_to_end_id);
        return true;
      case MatchKind::kIncoming:
        if (reference.empty() || entry.amount <= Money() || entry.is_reversal) return false;
        effects_.entries.push_back(BankDepositEntry(reference, IdOf(match.key), entry.amount));
        return true;
      case MatchKind::kDuplicate:
      case MatchKind::kDisputed:
      case MatchKind::kUnknownOutgoing:
        return false;
    }
    return false;
  }

  /// What is kept of entries, by column.
  struct Rows {
    std::vector<std::string> ids, days, ends, names, ibans, remittances, disputes, participants;
    std::vector<int32_t> kinds, findings;
    std::vector<int64_t> amounts;

    void Add(std::string id, const BankEntry& entry, const Match& match, bool is_finding,
             const ParticipantId& reference) {
      ids.push_back(std::move(id));
      kinds.push_back(static_cast<int32_t>(match.kind) + 1);
      findings.push_back(is_finding ? 1 : 0);
      amounts.push_back(entry.amount.micros());
      days.push_back(DayText(entry.booked_on));
      ends.push_back(entry.end_to_end_id);
      names.push_back(entry.counterparty_name);
      ibans.push_back(entry.counterparty_iban);
      remittances.push_back(entry.remittance);
      disputes.push_back(match.dispute);
      participants.push_back(reference.value());
    }
    void Insert(pqxx::work& tx, const CommunityId& community, const std::string& statement) const {
      if (ids.empty()) return;
      Exec(tx, kInsertBankEntries, community.value(), statement, ToSqlArray(ids),
           ToSqlArray(kinds), ToSqlArray(findings), ToSqlArray(amounts), ToSqlArray(days),
           ToSqlArray(ends), ToSqlArray(names), ToSqlArray(ibans), ToSqlArray(remittances),
           ToSqlArray(disputes), ToSqlArray(participants));
    }
  };

  pqxx::work& tx_;
  LedgerSession& ledger_;
  const CommunityId& community_;
  const LedgerCache& cache_;
  const absl::Time now_;
  absl::flat_hash_set<std::string> seen_;
  BankOrders orders_;                         // by end-to-end id
  std::map<std::string, Payment> payments_;   // the same
  absl::flat_hash_set<std::string> changed_;  // the same
  PaymentEffects effects_;
};

}  // namespace

absl::StatusOr<std::vector<KeptStatement>> PostgresBankStore::Import(
    const CommunityId& community, const std::vector<NewStatement>& statements, absl::Time now) {
  std::vector<KeptStatement> kept;
  const auto import = [&](pqxx::work& tx, LedgerSession& ledger) -> absl::Status {
    PW_ASSIGN_OR_RETURN(kept, Intake(tx, ledger, community, cache_, now).Run(statements));
    return absl::OkStatus();
  };
  PW_RETURN_IF_ERROR(WriteLedger(pool_, cache_, community, now, import));
  return kept;
}

absl::StatusOr<std::vector<KeptStatement>> PostgresBankStore::ListStatements(
    const CommunityId& community, const std::string& after, int32_t limit) {
  std::vector<KeptStatement> statements;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    statements.clear();
    for (const auto& row : Exec(tx, kListBankStatements, community.value(), after, limit)) {
      statements.push_back(StatementFrom(row));
    }
    return absl::OkStatus();
  }));
  return statements;
}

absl::StatusOr<std::vector<BankFinding>> PostgresBankStore::ListFindings(
    const CommunityId& community, const std::string& after, int32_t limit) {
  std::vector<BankFinding> findings;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    findings.clear();
    for (const auto& row : Exec(tx, kListBankFindings, community.value(), after, limit)) {
      findings.push_back(FindingFrom(row));
    }
    return absl::OkStatus();
  }));
  return findings;
}

}  // namespace peerwatt::settlement
