#include "services/settlement/storage/postgres_payment_store.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/postgres/codec.h"
#include "services/settlement/core/errors.h"
#include "services/settlement/core/payments/payment_errors.h"
#include "services/settlement/storage/ledger_reader.h"
#include "services/settlement/storage/ledger_session.h"
#include "services/settlement/storage/payment_queries.h"
#include "services/settlement/storage/payment_rows.h"

namespace peerwatt::settlement {
namespace {

using postgres::Exec;
using postgres::Int32From;
using postgres::Int64From;
using postgres::TextFrom;
using postgres::ToSql;
using postgres::ToSqlArray;

absl::Status PaymentNotFound(const PaymentName& name) {
  return Error(kNotFound, absl::StrCat(FullName(name), " does not exist"),
               {{"resource", FullName(name)}});
}

absl::Status StateForbids(const ErrorReason& reason, const Payment& payment,
                          absl::string_view why) {
  return Error(reason, absl::StrCat(FullName(payment.name), " ", why),
               {{"resource", FullName(payment.name)}});
}

/// What a participant may pay out now, read under the ledger's lock.
Money WithdrawableOf(pqxx::work& tx, LedgerSession& ledger, const PaymentName& name) {
  const AccountId id = ParticipantAccount(name.participant);
  ledger.Load({id});
  const auto account = ledger.accounts().find(id);
  if (account == ledger.accounts().end()) return Money();
  Wallet wallet;
  wallet.balance = account->second.counters.Balance();
  wallet.held = account->second.counters.debits_pending;
  wallet.fund_advance = SelectFundAdvance(tx, name.community, name.participant);
  return wallet.Withdrawable();
}

PostedBillLine LineFrom(const pqxx::row& row) {
  PostedBillLine posted;
  posted.period_start = postgres::TimeFrom(row["period_start_at"]);
  posted.run = Int32From(row["run"]);
  posted.number = Int32From(row["line_no"]);
  posted.entry_number = postgres::OptionalInt64From(row["entry_no"]);
  Line& line = posted.line;
  line.key.participant = ParticipantId(TextFrom(row["participant_id"]));
  line.key.connection = GridConnectionId(TextFrom(row["connection_id"]));
  line.key.kind = static_cast<LineKind>(Int32From(row["kind"]));
  line.key.trade = TradeId(TextFrom(row["trade_id"]));
  line.energy = Energy::WattHours(Int64From(row["energy_wh"]));
  line.price = Price::MicrosPerKwh(Int64From(row["price_micros_per_kwh"]));
  line.amount = Money::Micros(Int64From(row["amount_micros"]));
  line.substituted = postgres::BoolFrom(row["substituted"]);
  return posted;
}

bool SameContent(const PayoutDetails& a, const PayoutDetails& b) {
  return a.account.name == b.account.name && a.account.iban == b.account.iban &&
         a.account.bic == b.account.bic && a.mandate_id == b.mandate_id &&
         (a.mandate_id.empty() || a.mandate_signed_on == b.mandate_signed_on);
}

bool SameContent(const PaymentSettings& a, const PaymentSettings& b) {
  return a.account.name == b.account.name && a.account.iban == b.account.iban &&
         a.account.bic == b.account.bic && a.creditor_id == b.creditor_id &&
         a.fund_limit == b.fund_limit;
}

}  // namespace

absl::StatusOr<Wallet> PostgresPaymentStore::GetWallet(const CommunityId& community,
                                                       const ParticipantId& participant) {
  Wallet wallet;
  const absl::StatusOr<ledger::AccountState> account =
      LedgerReader(pool_, cache_).GetAccount(community, ParticipantAccount(participant));
  if (account.ok()) {
    wallet.balance = account->counters.Balance();
    wallet.held = account->counters.debits_pending;
    wallet.credit_line = account->limits.debit;
  } else if (!absl::IsNotFound(account.status())) {
    return account.status();
  }
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    wallet.fund_advance = SelectFundAdvance(tx, community, participant);
    return absl::OkStatus();
  }));
  return wallet;
}

absl::StatusOr<std::vector<WalletHold>> PostgresPaymentStore::ListHolds(
    const CommunityId& community, const ParticipantId& participant, const std::string& after,
    int32_t limit) {
  std::vector<WalletHold> holds;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    holds.clear();
    for (const auto& row :
         Exec(tx, kListWalletHolds, community.value(), ParticipantAccount(participant).value(),
              participant.value(), after, limit)) {
      holds.push_back({TextFrom(row["name"]), Money::Micros(Int64From(row["amount_micros"])),
                       postgres::OptionalTimeFrom(row["period_start_at"])});
    }
    return absl::OkStatus();
  }));
  return holds;
}

absl::StatusOr<std::vector<PostedBillLine>> PostgresPaymentStore::ListLinesOfEntries(
    const CommunityId& community, const ParticipantId& participant,
    const std::vector<absl::Time>& periods, const std::vector<int64_t>& entries) {
  std::vector<PostedBillLine> lines;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    lines.clear();
    for (const auto& row : Exec(tx, kListLinesOfEntries, community.value(), participant.value(),
                                ToSqlArray(periods), ToSqlArray(entries))) {
      lines.push_back(LineFrom(row));
    }
    return absl::OkStatus();
  }));
  return lines;
}

absl::StatusOr<std::optional<PayoutDetails>> PostgresPaymentStore::FindDetails(
    const CommunityId& community, const ParticipantId& participant) {
  std::optional<PayoutDetails> details;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    details = SelectDetails(tx, community, participant);
    return absl::OkStatus();
  }));
  return details;
}

absl::StatusOr<PayoutDetails> PostgresPaymentStore::PutDetails(const PayoutDetails& details,
                                                               absl::Time now) {
  PayoutDetails kept = details;
  const auto put = [&](pqxx::work& tx, LedgerSession&) {
    const std::optional<PayoutDetails> before =
        SelectDetails(tx, details.community, details.participant);
    kept.revision = before.has_value() ? before->revision : 0;
    if (before.has_value() && SameContent(*before, details)) return absl::OkStatus();
    ++kept.revision;
    Exec(tx, kInsertPayoutDetails, kept.community.value(), kept.participant.value(),
         kept.revision, kept.account.name, kept.account.iban, kept.account.bic, kept.mandate_id,
         kept.mandate_id.empty() ? std::string() : DayText(kept.mandate_signed_on), ToSql(now));
    return absl::OkStatus();
  };
  PW_RETURN_IF_ERROR(WriteLedger(pool_, cache_, details.community, now, put));
  return kept;
}

absl::StatusOr<PaymentSettings> PostgresPaymentStore::GetSettings(const CommunityId& community) {
  PaymentSettings settings;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    settings = SelectSettings(tx, community).settings;
    return absl::OkStatus();
  }));
  return settings;
}

absl::StatusOr<PaymentSettings> PostgresPaymentStore::PutSettings(const PaymentSettings& settings,
                                                                  absl::Time now) {
  const auto put = [&](pqxx::work& tx, LedgerSession& ledger) {
    const KeptSettings before = SelectSettings(tx, settings.community);
    if (before.revision > 0 && SameContent(before.settings, settings)) return absl::OkStatus();
    Exec(tx, kInsertPaymentSettings, settings.community.value(), before.revision + 1,
         settings.account.name, settings.account.iban, settings.account.bic,
         settings.creditor_id, settings.fund_limit.micros(), ToSql(now));
    const AccountId fund(kMutualFundAccount);
    ledger.Load({fund});
    if (settings.fund_limit > Money() && !ledger.accounts().contains(fund)) {
      // It lends what it has, and no more.
      ledger::AccountOpening opening;
      opening.id = fund;
      opening.limits.debit = Money();
      ledger.Open({opening});
    }
    return absl::OkStatus();
  };
  PW_RETURN_IF_ERROR(WriteLedger(pool_, cache_, settings.community, now, put));
  return settings;
}

absl::StatusOr<Payment> PostgresPaymentStore::CreatePayout(const Payment& payout,
                                                           bool needs_details, absl::Time now) {
  Payment kept;
  const auto create = [&](pqxx::work& tx, LedgerSession& ledger) -> absl::Status {
    if (const std::optional<Payment> known = SelectPayment(tx, payout.name)) {
      kept = *known;
      return absl::OkStatus();
    }
    const std::optional<PayoutDetails> details =
        SelectDetails(tx, payout.name.community, payout.name.participant);
    if (needs_details && !details.has_value()) {
      return Error(kPayoutDetailsMissing, "the participant has named no bank account");
    }
    const Money withdrawable = WithdrawableOf(tx, ledger, payout.name);
    if (withdrawable < payout.amount) {
      return Error(kFundsInsufficient,
                   absl::StrCat("only ", FormatMicros(withdrawable.micros()), " may be paid out"),
                   {{"withdrawable", FormatMicros(withdrawable.micros())}});
    }
    PaymentEffects effects;
    HoldMoney(payout, effects);
    PW_RETURN_IF_ERROR(Apply(tx, ledger, payout.name.community, cache_, std::move(effects)));
    InsertPayments(tx, {payout}, {details.has_value() ? details->revision : 0}, now);
    kept = payout;
    return absl::OkStatus();
  };
  PW_RETURN_IF_ERROR(WriteLedger(pool_, cache_, payout.name.community, now, create));
  return kept;
}

absl::StatusOr<Payment> PostgresPaymentStore::Change(
    const PaymentName& name, absl::Time now,
    absl::FunctionRef<absl::Status(Payment&, PaymentEffects&)> change) {
  Payment kept;
  const auto run = [&](pqxx::work& tx, LedgerSession& ledger) -> absl::Status {
    const std::optional<Payment> known = SelectPayment(tx, name);
    if (!known.has_value()) return PaymentNotFound(name);
    kept = *known;
    PaymentEffects effects;
    PW_RETURN_IF_ERROR(change(kept, effects));
    if (kept.state == known->state) return absl::OkStatus();
    PW_RETURN_IF_ERROR(Apply(tx, ledger, name.community, cache_, std::move(effects)));
    UpdateStates(tx, {kept}, now);
    return absl::OkStatus();
  };
  PW_RETURN_IF_ERROR(WriteLedger(pool_, cache_, name.community, now, run));
  return kept;
}

absl::StatusOr<Payment> PostgresPaymentStore::Finish(const PaymentName& name,
                                                     ChargeOutcome outcome, absl::Time now) {
  return Change(name, now, [&](Payment& payment, PaymentEffects& effects) {
    if (payment.state != PaymentState::kProcessing || !payment.file.empty()) {
      return absl::OkStatus();
    }
    if (outcome == ChargeOutcome::kConfirmed) {
      Succeed(payment, effects);
    } else {
      Release(payment, PaymentState::kFailed, "", effects);
    }
    return absl::OkStatus();
  });
}

absl::StatusOr<Payment> PostgresPaymentStore::Cancel(const PaymentName& name, absl::Time now) {
  return Change(name, now, [](Payment& payment, PaymentEffects& effects) {
    if (payment.state == PaymentState::kCanceled) return absl::OkStatus();
    if (payment.state != PaymentState::kPending) {
      return StateForbids(kPayoutHandedOver, payment, "was handed over");
    }
    Release(payment, PaymentState::kCanceled, "", effects);
    return absl::OkStatus();
  });
}

absl::StatusOr<Payment> PostgresPaymentStore::Fail(const PaymentName& name,
                                                   const std::string& failure, absl::Time now) {
  return Change(name, now, [&](Payment& payment, PaymentEffects& effects) {
    if (payment.state == PaymentState::kFailed) return absl::OkStatus();
    if (payment.state != PaymentState::kProcessing || payment.file.empty()) {
      return StateForbids(kPaymentNotProcessing, payment, "is not with the bank");
    }
    Release(payment, PaymentState::kFailed, failure, effects);
    return absl::OkStatus();
  });
}

absl::StatusOr<Payment> PostgresPaymentStore::Get(const PaymentName& name) {
  std::optional<Payment> found;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    found = SelectPayment(tx, name);
    return absl::OkStatus();
  }));
  if (!found.has_value()) return PaymentNotFound(name);
  return *std::move(found);
}

absl::StatusOr<std::vector<Payment>> PostgresPaymentStore::List(const PaymentName& after,
                                                                int32_t limit) {
  std::vector<Payment> payments;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    payments.clear();
    for (const auto& row :
         Exec(tx, kListPayments, after.community.value(), static_cast<int32_t>(after.kind),
              after.participant.value(), after.id, limit)) {
      payments.push_back(PaymentFrom(row));
    }
    return absl::OkStatus();
  }));
  return payments;
}

absl::StatusOr<std::vector<Payment>> PostgresPaymentStore::ListUnfinished() {
  std::vector<Payment> payments;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    payments.clear();
    for (const auto& row : Exec(tx, kListUnfinishedPayments)) {
      payments.push_back(PaymentFrom(row));
    }
    return absl::OkStatus();
  }));
  return payments;
}

}  // namespace peerwatt::settlement
