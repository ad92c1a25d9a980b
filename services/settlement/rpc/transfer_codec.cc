#include "services/settlement/rpc/transfer_codec.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/domain/arithmetic.h"
#include "libs/rpc/codec.h"
#include "libs/rpc/names.h"

namespace peerwatt::settlement {
namespace {

using ledger::Transfer;
using ledger::TransferKind;

constexpr int kBatchMax = 10'000;
constexpr size_t kKeyMax = 100;
constexpr int kPostingsMax = 100;

/// Reads the parts of one transfer of a request.
class TransferReader {
 public:
  TransferReader(const CommunityId& community, const std::string& currency, std::string field)
      : community_(community), currency_(currency), field_(std::move(field)) {}

  absl::StatusOr<Transfer> Read(const v1::Transfer& proto) {
    Transfer transfer;
    PW_ASSIGN_OR_RETURN(transfer.key, Key(proto.key(), "key"));
    transfer.linked = proto.linked();
    if (proto.has_entry()) {
      PW_RETURN_IF_ERROR(ReadEntry(proto.entry(), transfer));
    } else if (proto.has_hold()) {
      PW_RETURN_IF_ERROR(ReadHold(proto.hold(), transfer));
    } else if (proto.has_capture()) {
      PW_RETURN_IF_ERROR(ReadCapture(proto.capture(), transfer));
    } else if (proto.has_void_()) {
      transfer.kind = TransferKind::kVoid;
      PW_ASSIGN_OR_RETURN(transfer.hold, Key(proto.void_().hold(), "void.hold"));
    } else {
      return FieldInvalid(Path("action"), "is not set");
    }
    return transfer;
  }

 private:
  std::string Path(absl::string_view part) const { return absl::StrCat(field_, ".", part); }

  absl::StatusOr<std::string> Key(const std::string& key, absl::string_view part) const {
    if (!key.empty() && key.size() <= kKeyMax) return key;
    return FieldInvalid(Path(part), absl::StrCat("must have 1 to ", kKeyMax, " characters"));
  }
  absl::StatusOr<AccountId> Account(const std::string& name, absl::string_view part) const {
    PW_ASSIGN_OR_RETURN(std::vector<std::string> ids,
                        rpc::ParseName(name, "communities/*/ledgerAccounts/*", Path(part)));
    if (ids[0] != community_.value()) {
      return FieldInvalid(Path(part), "belongs to another community than parent");
    }
    return AccountId(std::move(ids[1]));
  }
  absl::StatusOr<Money> Amount(const google::type::Money& proto, absl::string_view part) const {
    PW_ASSIGN_OR_RETURN(const Money amount, rpc::MoneyFrom(proto, currency_, Path(part)));
    if (amount <= Money()) return FieldInvalid(Path(part), "must be greater than zero");
    return amount;
  }

  absl::Status ReadEntry(const v1::Transfer::Entry& proto, Transfer& transfer) const {
    if (proto.postings_size() < 2 || proto.postings_size() > kPostingsMax) {
      return FieldInvalid(Path("entry.postings"),
                          absl::StrCat("must have 2 to ", kPostingsMax, " elements"));
    }
    transfer.currency = currency_;
    std::optional<int64_t> sum = 0;
    std::set<AccountId> accounts;
    for (int i = 0; i < proto.postings_size(); ++i) {
      const auto part = [&](const char* name) {
        return absl::StrCat("entry.postings[", i, "].", name);
      };
      Posting posting;
      PW_ASSIGN_OR_RETURN(posting.account, Account(proto.postings(i).ledger_account(),
                                                   part("ledger_account")));
      PW_ASSIGN_OR_RETURN(posting.amount, rpc::MoneyFrom(proto.postings(i).amount(), currency_,
                                                         Path(part("amount"))));
      if (posting.amount == Money() ||
          posting.amount.micros() == std::numeric_limits<int64_t>::min()) {
        return FieldInvalid(Path(part("amount")), "must not be zero");
      }
      if (!accounts.insert(posting.account).second) {
        return FieldInvalid(Path(part("ledger_account")), "is named twice");
      }
      if (sum.has_value()) sum = CheckedAdd(*sum, posting.amount.micros());
      transfer.postings.push_back(std::move(posting));
    }
    if (sum != 0) return FieldInvalid(Path("entry.postings"), "must sum to zero");
    std::sort(transfer.postings.begin(), transfer.postings.end(),
              [](const Posting& a, const Posting& b) { return a.account < b.account; });
    return absl::OkStatus();
  }

  absl::Status ReadHold(const v1::Transfer::Hold& proto, Transfer& transfer) const {
    transfer.kind = TransferKind::kHold;
    transfer.currency = currency_;
    PW_ASSIGN_OR_RETURN(transfer.debit, Account(proto.debit(), "hold.debit"));
    if (!proto.credit().empty()) {
      PW_ASSIGN_OR_RETURN(transfer.credit, Account(proto.credit(), "hold.credit"));
      if (transfer.credit == transfer.debit) {
        return FieldInvalid(Path("hold.credit"), "is the account that is debited");
      }
    }
    PW_ASSIGN_OR_RETURN(transfer.amount, Amount(proto.amount(), "hold.amount"));
    if (proto.has_expire_time()) {
      PW_ASSIGN_OR_RETURN(transfer.expires_at,
                          rpc::TimeFrom(proto.expire_time(), Path("hold.expire_time")));
    }
    return absl::OkStatus();
  }

  absl::Status ReadCapture(const v1::Transfer::Capture& proto, Transfer& transfer) const {
    transfer.kind = TransferKind::kCapture;
    PW_ASSIGN_OR_RETURN(transfer.hold, Key(proto.hold(), "capture.hold"));
    if (!proto.credit().empty()) {
      PW_ASSIGN_OR_RETURN(transfer.credit, Account(proto.credit(), "capture.credit"));
    }
    if (proto.has_amount()) {
      PW_ASSIGN_OR_RETURN(transfer.amount, Amount(proto.amount(), "capture.amount"));
    }
    return absl::OkStatus();
  }

  const CommunityId& community_;
  const std::string& currency_;
  const std::string field_;
};

template <typename Elements>
absl::Status CheckSize(const Elements& elements, absl::string_view field) {
  if (!elements.empty() && elements.size() <= kBatchMax) return absl::OkStatus();
  return FieldInvalid(field, absl::StrCat("must have 1 to ", kBatchMax, " elements"));
}

std::string EntryName(const CommunityId& community, int64_t number) {
  return absl::StrCat("communities/", community.value(), "/journalEntries/", number);
}

}  // namespace

absl::StatusOr<std::vector<Transfer>> TransfersFrom(const v1::CreateTransfersRequest& request,
                                                    const CommunityId& community,
                                                    const std::string& currency) {
  PW_RETURN_IF_ERROR(CheckSize(request.transfers(), "transfers"));
  std::vector<Transfer> transfers;
  for (int i = 0; i < request.transfers_size(); ++i) {
    TransferReader reader(community, currency, absl::StrCat("transfers[", i, "]"));
    PW_ASSIGN_OR_RETURN(transfers.emplace_back(), reader.Read(request.transfers(i)));
  }
  return transfers;
}

absl::StatusOr<std::vector<ledger::AccountOpening>> OpeningsFrom(
    const v1::OpenAccountsRequest& request, const std::string& currency) {
  PW_RETURN_IF_ERROR(CheckSize(request.accounts(), "accounts"));
  std::vector<ledger::AccountOpening> openings;
  for (int i = 0; i < request.accounts_size(); ++i) {
    const v1::Account& proto = request.accounts(i);
    const auto path = [&](const char* part) { return absl::StrCat("accounts[", i, "].", part); };
    PW_ASSIGN_OR_RETURN(std::vector<std::string> ids,
                        rpc::ParseName(proto.name(), "communities/*/accounts/*", path("name")));
    if (absl::StrCat("communities/", ids[0]) != request.parent()) {
      return FieldInvalid(path("name"), "belongs to another community than parent");
    }
    ledger::AccountOpening& opening = openings.emplace_back();
    opening.id = AccountId(std::move(ids[1]));
    if (!KindOf(opening.id).has_value()) {
      return FieldInvalid(path("name"), "has no form that an account has");
    }
    const auto limit = [&](const google::type::Money& amount,
                           const char* part) -> absl::StatusOr<Money> {
      PW_ASSIGN_OR_RETURN(const Money value, rpc::MoneyFrom(amount, currency, path(part)));
      if (value < Money()) return FieldInvalid(path(part), "must not be negative");
      return value;
    };
    if (proto.has_debit_limit()) {
      PW_ASSIGN_OR_RETURN(opening.limits.debit, limit(proto.debit_limit(), "debit_limit"));
    }
    if (proto.has_credit_limit()) {
      PW_ASSIGN_OR_RETURN(opening.limits.credit, limit(proto.credit_limit(), "credit_limit"));
    }
  }
  return openings;
}

void Encode(const CommunityId& community, const ledger::TransferResult& result,
            v1::TransferResult& proto) {
  switch (result.outcome) {
    case ledger::Outcome::kApplied:
      proto.set_outcome(v1::TransferResult::APPLIED);
      break;
    case ledger::Outcome::kExists:
      proto.set_outcome(v1::TransferResult::EXISTS);
      break;
    case ledger::Outcome::kRefused:
      proto.set_outcome(v1::TransferResult::REFUSED);
      proto.set_reason(std::string(result.reason->name));
      proto.set_transient(result.reason->retryable);
      break;
  }
  if (result.entry_number > 0) {
    proto.set_journal_entry(EntryName(community, result.entry_number));
  }
}

void Encode(const CommunityId& community, const ledger::AccountState& account,
            v1::Account& proto) {
  const std::string& currency = account.currency;
  const ledger::Counters& counters = account.counters;
  proto.set_name(absl::StrCat("communities/", community.value(), "/accounts/", account.id.value()));
  *proto.mutable_debits_posted() = rpc::ToProto(counters.debits_posted, currency);
  *proto.mutable_credits_posted() = rpc::ToProto(counters.credits_posted, currency);
  *proto.mutable_debits_pending() = rpc::ToProto(counters.debits_pending, currency);
  *proto.mutable_credits_pending() = rpc::ToProto(counters.credits_pending, currency);
  *proto.mutable_balance() = rpc::ToProto(counters.Balance(), currency);
  if (account.limits.debit.has_value()) {
    *proto.mutable_debit_limit() = rpc::ToProto(*account.limits.debit, currency);
  }
  if (account.limits.credit.has_value()) {
    *proto.mutable_credit_limit() = rpc::ToProto(*account.limits.credit, currency);
  }
  proto.set_closed(account.closed);
}

void Encode(const CommunityId& community, const std::string& currency,
            const ledger::BalanceAsOf& balance, v1::Balance& proto) {
  if (balance.entry_number > 0) {
    proto.set_journal_entry(EntryName(community, balance.entry_number));
    *proto.mutable_post_time() = rpc::ToProto(balance.posted_at);
  }
  *proto.mutable_debits_posted() = rpc::ToProto(balance.debits_posted, currency);
  *proto.mutable_credits_posted() = rpc::ToProto(balance.credits_posted, currency);
  *proto.mutable_balance() = rpc::ToProto(balance.Balance(), currency);
}

}  // namespace peerwatt::settlement
