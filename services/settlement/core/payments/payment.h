#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "libs/domain/ids.h"
#include "services/settlement/core/payments/bank_account.h"
#include "services/settlement/core/scheme.h"

namespace peerwatt::settlement {

/// Which way money goes. The numbers are those of the database; files have the same.
enum class PaymentKind { kPayout = 1, kCollection = 2 };

/// Where a payment is in its life cycle. The numbers are those of the database and the protocol.
enum class PaymentState {
  kPending = 1,     ///< waits for a file; money of a payout is held
  kProcessing = 2,  ///< with the bank or the provider; money of a payout is held
  kSucceeded = 3,   ///< in the ledger
  kFailed = 4,      ///< refused; nothing is held
  kReturned = 5,    ///< in the ledger, and taken back there
  kCanceled = 6,    ///< taken back in time
};

/// How a collection is paid. The numbers are those of the database and the protocol.
enum class CollectionMethod { kWallet = 1, kProvider = 2 };

/// What names a payment.
struct PaymentName {
  CommunityId community;
  PaymentKind kind = PaymentKind::kPayout;
  ParticipantId participant;
  std::string id;
};

/// Money on its way out of a wallet, or into it.
struct Payment {
  PaymentName name;
  Money amount;  ///< > 0
  std::string currency;
  PaymentState state = PaymentState::kPending;
  CollectionMethod method = CollectionMethod::kProvider;
  std::string end_to_end_id;  ///< unique in the community, 32 characters
  std::string content_hash;   ///< of what the caller asked for: SHA-256
  SchemeId scheme;            ///< whose payment rules made it; empty: its participant
  std::string file;           ///< that it is in; empty: none
  std::string failure;        ///< why it failed or came back, if known
  absl::Time created_at;
};

/// Full name: `participants/{participant}/payouts/{payout}`, or `…/collections/{collection}`.
inline std::string FullName(const PaymentName& name) {
  return absl::StrCat("participants/", name.participant.value(),
                      name.kind == PaymentKind::kPayout ? "/payouts/" : "/collections/", name.id);
}

/// Key of the hold of a payout, and of the transfers and entries that end it.
inline std::string HoldKey(const PaymentName& name) {
  return absl::StrCat("payout-hold:", name.participant.value(), ":", name.id);
}
inline std::string ReleaseKey(const PaymentName& name) {
  return absl::StrCat("payout-release:", name.participant.value(), ":", name.id);
}
/// Key of the entry that moves a payment's money.
inline std::string EntryKey(const PaymentName& name) {
  return absl::StrCat(name.kind == PaymentKind::kPayout ? "payout:" : "collection:",
                      name.participant.value(), ":", name.id);
}
/// Key of the entry that takes it back.
inline std::string ReturnKey(const PaymentName& name) {
  return absl::StrCat(name.kind == PaymentKind::kPayout ? "payout-return:" : "collection-return:",
                      name.participant.value(), ":", name.id);
}

/// Where payouts of a participant go.
struct PayoutDetails {
  CommunityId community;
  ParticipantId participant;
  BankAccount account;
  std::string mandate_id;  ///< empty: nothing may be collected
  absl::CivilDay mandate_signed_on;
  int32_t revision = 0;  ///< counts changes, from 1
};

/// How a community pays.
struct PaymentSettings {
  CommunityId community;
  BankAccount account;      ///< empty IBAN: none
  std::string creditor_id;  ///< for collections; may be empty
  Money fund_limit;         ///< what the mutual fund lends each; 0: nothing
};

/// What a participant has.
struct Wallet {
  Money balance;
  Money held;
  std::optional<Money> credit_line = Money();  ///< nothing: unlimited
  Money fund_advance;                          ///< lent by the mutual fund

  /// What may be paid out.
  Money Withdrawable() const {
    const Money own = balance - held - fund_advance;
    return own < Money() ? Money() : own;
  }
};

/// The mutual fund's account.
inline constexpr char kMutualFundAccount[] = "general-mutual-fund";

}  // namespace peerwatt::settlement
