#include "services/settlement/rpc/payment_codec.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/codec.h"
#include "services/settlement/core/payments/deposit_reference.h"
#include "services/settlement/core/payments/payment_file.h"

namespace peerwatt::settlement {
namespace {

constexpr size_t kHolderMax = 70;
constexpr size_t kBankIdMax = 35;

std::string CommunityName(const CommunityId& community) {
  return absl::StrCat("communities/", community.value());
}
std::string ParticipantName(const ParticipantId& participant) {
  return absl::StrCat("participants/", participant.value());
}

/// Puts the path of the message before the fields that are wrong in it.
absl::Status At(absl::string_view path, const absl::Status& status) {
  if (status.ok()) return status;
  ErrorDetail detail = DetailOf(status);
  for (FieldViolation& violation : detail.violations) {
    const std::string name = violation.field == "name" ? "holder_name" : violation.field;
    violation.field = absl::StrCat(path, ".", name);
  }
  return ErrorFromDetail(status.code(), status.message(), detail);
}

absl::StatusOr<BankAccount> AccountFrom(const v1::BankAccount& proto, absl::string_view path) {
  BankAccount account{proto.holder_name(), proto.iban(), proto.bic()};
  PW_RETURN_IF_ERROR(At(path, CheckBankAccount(account)));
  if (BankText(account.name, kHolderMax + 1).size() > kHolderMax) {
    return FieldInvalid(absl::StrCat(path, ".holder_name"), "must have at most 70 characters");
  }
  return account;
}

v1::BankAccount ToProto(const BankAccount& account) {
  v1::BankAccount proto;
  proto.set_holder_name(account.name);
  proto.set_iban(account.iban);
  proto.set_bic(account.bic);
  return proto;
}

absl::StatusOr<absl::CivilDay> DayFrom(const std::string& text, absl::string_view field) {
  absl::CivilDay day;
  if (!absl::ParseCivilTime(text, &day) || absl::FormatCivilTime(day) != text) {
    return FieldInvalid(field, "must be a day as YYYY-MM-DD");
  }
  return day;
}

std::string FileName(const CommunityId& community, const std::string& id) {
  return absl::StrCat(CommunityName(community), "/paymentFiles/", id);
}

/// The deposit, payout or collection that an entry's key names; empty when there is none.
std::string PaymentNameIn(const JournalEntry& entry) {
  const std::vector<std::string> parts = absl::StrSplit(entry.idempotency_key, ':');
  if (parts.size() != 3) return "";
  const auto named = [&](const char* collection) {
    return absl::StrCat("participants/", parts[1], "/", collection, "/", parts[2]);
  };
  if (parts[0] == "deposit") return named("deposits");
  if (parts[0] == "payout" || parts[0] == "payout-return") return named("payouts");
  if (parts[0] == "collection" || parts[0] == "collection-return") return named("collections");
  return "";
}

}  // namespace

absl::StatusOr<PayoutDetails> DetailsFrom(const v1::PayoutDetails& proto,
                                          const CommunityId& community,
                                          const ParticipantId& participant) {
  PayoutDetails details;
  details.community = community;
  details.participant = participant;
  PW_ASSIGN_OR_RETURN(details.account,
                      AccountFrom(proto.bank_account(), "payout_details.bank_account"));
  if (!proto.has_mandate()) return details;
  details.mandate_id = proto.mandate().id();
  const std::string& id = details.mandate_id;
  if (id.empty() || BankText(id, kBankIdMax) != id || id.front() == '/' || id.back() == '/' ||
      absl::StrContains(id, "//")) {
    return FieldInvalid("payout_details.mandate.id",
                        "must have 1 to 35 letters, digits or - ? : ( ) . , ' +, or single slashes "
                        "between them");
  }
  PW_ASSIGN_OR_RETURN(
      details.mandate_signed_on,
      DayFrom(proto.mandate().signed_date(), "payout_details.mandate.signed_date"));
  return details;
}

absl::StatusOr<PaymentSettings> SettingsFrom(const v1::PaymentSettings& proto,
                                             const CommunityId& community,
                                             const std::string& currency) {
  PaymentSettings settings;
  settings.community = community;
  if (proto.has_bank_account()) {
    PW_ASSIGN_OR_RETURN(settings.account,
                        AccountFrom(proto.bank_account(), "payment_settings.bank_account"));
  }
  settings.creditor_id = proto.creditor_id();
  if (!settings.creditor_id.empty() && !CheckCreditorId(settings.creditor_id).ok()) {
    return FieldInvalid("payment_settings.creditor_id", "must be a SEPA creditor identifier");
  }
  if (proto.has_fund_limit()) {
    PW_ASSIGN_OR_RETURN(settings.fund_limit, rpc::MoneyFrom(proto.fund_limit(), currency,
                                                            "payment_settings.fund_limit"));
  }
  if (settings.fund_limit < Money()) {
    return FieldInvalid("payment_settings.fund_limit", "must not be negative");
  }
  return settings;
}

absl::StatusOr<PaymentFile> FileFrom(const v1::PaymentFile& proto, const CommunityId& community,
                                     const std::string& id) {
  PaymentFile file;
  file.community = community;
  file.id = id;
  if (proto.kind() != v1::PaymentFile::PAYOUTS && proto.kind() != v1::PaymentFile::COLLECTIONS) {
    return FieldInvalid("payment_file.kind", "must be PAYOUTS or COLLECTIONS");
  }
  file.kind = static_cast<PaymentKind>(proto.kind());
  PW_ASSIGN_OR_RETURN(file.due_on, DayFrom(proto.due_date(), "payment_file.due_date"));
  return file;
}

v1::WalletEntry::Kind WalletKindOf(const JournalEntry& entry) {
  static constexpr std::pair<absl::string_view, v1::WalletEntry::Kind> kKinds[] = {
      {"deposit", v1::WalletEntry::DEPOSIT},
      {"bank-deposit", v1::WalletEntry::DEPOSIT},
      {"payout", v1::WalletEntry::PAYOUT},
      {"payout-return", v1::WalletEntry::PAYOUT_RETURN},
      {"collection", v1::WalletEntry::COLLECTION},
      {"collection-return", v1::WalletEntry::COLLECTION_RETURN},
      {"trade", v1::WalletEntry::TRADE},
      {"pool", v1::WalletEntry::POOL},
      {"imbalance", v1::WalletEntry::IMBALANCE},
      {"retail", v1::WalletEntry::RETAIL},
      {"feed-in", v1::WalletEntry::FEED_IN},
      {"subscription", v1::WalletEntry::FEE},
      {"piece-fee", v1::WalletEntry::FEE},
      {"rounding", v1::WalletEntry::ROUNDING},
      {"fund-advance", v1::WalletEntry::FUND_ADVANCE},
      {"fund-repayment", v1::WalletEntry::FUND_REPAYMENT},
      {"transfer", v1::WalletEntry::TRANSFER}};
  // A payout is posted by capturing its hold.
  const bool is_payout =
      entry.kind == "transfer" && absl::StartsWith(entry.idempotency_key, "payout:");
  if (is_payout) return v1::WalletEntry::PAYOUT;
  const auto* found = std::find_if(std::begin(kKinds), std::end(kKinds), [&](const auto& known) {
    return known.first == entry.kind;
  });
  return found == std::end(kKinds) ? v1::WalletEntry::OTHER : found->second;
}

void Encode(const ParticipantContext& owner, const Wallet& wallet, v1::Wallet& proto) {
  proto.set_name(absl::StrCat(ParticipantName(owner.participant), "/wallet"));
  const auto money = [&](Money amount) { return rpc::ToProto(amount, owner.currency); };
  *proto.mutable_balance() = money(wallet.balance);
  *proto.mutable_held() = money(wallet.held);
  const Money line = wallet.credit_line.value_or(Money());
  if (wallet.credit_line.has_value()) *proto.mutable_credit_line() = money(line);
  *proto.mutable_available() = money(wallet.balance - wallet.held + line);
  *proto.mutable_withdrawable() = money(wallet.Withdrawable());
  *proto.mutable_fund_advance() = money(wallet.fund_advance);
  proto.set_deposit_reference(DepositReference(owner.participant));
  proto.set_ledger_account(absl::StrCat(CommunityName(owner.community), "/ledgerAccounts/",
                                        ParticipantAccount(owner.participant).value()));
}

void Encode(const ParticipantContext& owner, const PostedEntry& entry,
            const std::vector<PostedBillLine>& lines, v1::WalletEntry& proto) {
  proto.set_name(
      absl::StrCat(ParticipantName(owner.participant), "/walletEntries/", entry.number));
  proto.set_kind(WalletKindOf(entry.entry));
  const AccountId account = ParticipantAccount(owner.participant);
  for (const Posting& posting : entry.entry.postings) {
    if (posting.account != account) continue;
    *proto.mutable_amount() = rpc::ToProto(posting.amount, owner.currency);
  }
  *proto.mutable_create_time() = rpc::ToProto(entry.created_at);
  if (entry.entry.period_start.has_value()) {
    *proto.mutable_period_start_time() = rpc::ToProto(*entry.entry.period_start);
  }
  proto.set_journal_entry(
      absl::StrCat(CommunityName(owner.community), "/journalEntries/", entry.number));
  proto.set_payment(PaymentNameIn(entry.entry));
  for (const PostedBillLine& posted : lines) {
    v1::WalletEntry::Item& item = *proto.add_items();
    item.set_kind(static_cast<v1::SettlementLine::Kind>(posted.line.key.kind));
    item.set_energy_wh(posted.line.energy.wh());
    *item.mutable_amount() = rpc::ToProto(posted.line.amount, owner.currency);
    item.set_trade(posted.line.key.trade.value());
    item.set_run(posted.run);
  }
}

void Encode(const ParticipantContext& owner, const WalletHold& hold, v1::WalletHold& proto) {
  proto.set_name(absl::StrCat(ParticipantName(owner.participant), "/walletHolds/",
                              absl::StrReplaceAll(hold.name, {{"/", "~"}})));
  proto.set_holder(hold.name);
  *proto.mutable_amount() = rpc::ToProto(hold.amount, owner.currency);
  if (hold.period_start.has_value()) {
    *proto.mutable_period_start_time() = rpc::ToProto(*hold.period_start);
  }
}

void Encode(const PayoutDetails& details, v1::PayoutDetails& proto) {
  proto.set_name(absl::StrCat(ParticipantName(details.participant), "/payoutDetails"));
  *proto.mutable_bank_account() = ToProto(details.account);
  if (!details.mandate_id.empty()) {
    proto.mutable_mandate()->set_id(details.mandate_id);
    proto.mutable_mandate()->set_signed_date(absl::FormatCivilTime(details.mandate_signed_on));
  }
  proto.set_revision(details.revision);
}

namespace {

/// What payouts and collections have in common.
template <typename Proto>
void EncodePayment(const Payment& payment, Proto& proto) {
  proto.set_name(FullName(payment.name));
  *proto.mutable_amount() = rpc::ToProto(payment.amount, payment.currency);
  proto.set_state(static_cast<v1::Payout::State>(payment.state));
  *proto.mutable_create_time() = rpc::ToProto(payment.created_at);
  if (!payment.file.empty()) {
    proto.set_payment_file(FileName(payment.name.community, payment.file));
  }
  proto.set_end_to_end_id(payment.end_to_end_id);
  proto.set_failure(payment.failure);
  if (!payment.scheme.empty()) {
    proto.set_scheme(absl::StrCat(CommunityName(payment.name.community), "/schemes/",
                                  payment.scheme.value()));
  }
}

}  // namespace

void Encode(const Payment& payout, v1::Payout& proto) { EncodePayment(payout, proto); }

void Encode(const Payment& collection, v1::Collection& proto) {
  EncodePayment(collection, proto);
  proto.set_method(static_cast<v1::Collection::Method>(collection.method));
}

void Encode(const PaymentSettings& settings, const std::string& currency,
            v1::PaymentSettings& proto) {
  proto.set_name(absl::StrCat(CommunityName(settings.community), "/paymentSettings"));
  if (!settings.account.iban.empty()) *proto.mutable_bank_account() = ToProto(settings.account);
  proto.set_creditor_id(settings.creditor_id);
  *proto.mutable_fund_limit() = rpc::ToProto(settings.fund_limit, currency);
}

void Encode(const PaymentFile& file, const std::string& currency, v1::PaymentFile& proto) {
  proto.set_name(FileName(file.community, file.id));
  proto.set_kind(static_cast<v1::PaymentFile::Kind>(file.kind));
  proto.set_due_date(absl::FormatCivilTime(file.due_on));
  proto.set_message_id(file.message_id);
  proto.set_payment_count(file.payment_count);
  *proto.mutable_total() = rpc::ToProto(file.total, currency);
  *proto.mutable_create_time() = rpc::ToProto(file.created_at);
  proto.set_content(file.content);
}

void Encode(const CommunityId& community, const std::string& currency,
            const KeptStatement& statement, v1::BankStatement& proto) {
  proto.set_name(absl::StrCat(CommunityName(community), "/bankStatements/", statement.id));
  proto.set_bank_id(statement.bank_id);
  *proto.mutable_opening_balance() = rpc::ToProto(statement.opening, currency);
  *proto.mutable_closing_balance() = rpc::ToProto(statement.closing, currency);
  proto.set_entry_count(statement.entry_count);
  proto.set_duplicate_count(statement.duplicate_count);
  proto.set_finding_count(statement.finding_count);
  *proto.mutable_create_time() = rpc::ToProto(statement.created_at);
}

void Encode(const CommunityId& community, const std::string& currency, const BankFinding& finding,
            v1::BankFinding& proto) {
  proto.set_name(absl::StrCat(CommunityName(community), "/bankFindings/", finding.id));
  proto.set_kind(finding.kind == MatchKind::kDisputed          ? v1::BankFinding::DISPUTED
                 : finding.kind == MatchKind::kUnknownOutgoing ? v1::BankFinding::UNKNOWN_OUTGOING
                                                               : v1::BankFinding::UNASSIGNED);
  *proto.mutable_amount() = rpc::ToProto(finding.amount, currency);
  proto.set_booking_date(absl::FormatCivilTime(finding.booked_on));
  proto.set_end_to_end_id(finding.end_to_end_id);
  proto.set_counterparty_name(finding.counterparty_name);
  proto.set_counterparty_iban(finding.counterparty_iban);
  proto.set_remittance(finding.remittance);
  proto.set_dispute(finding.dispute);
  proto.set_bank_statement(
      absl::StrCat(CommunityName(community), "/bankStatements/", finding.statement));
}

}  // namespace peerwatt::settlement
