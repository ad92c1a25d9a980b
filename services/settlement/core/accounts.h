#pragma once

#include <optional>
#include <string>
#include <vector>

#include "libs/domain/ids.h"
#include "libs/domain/quantities.h"

namespace peerwatt::settlement {

/// Last segment of a ledger account's name: `participant-p1`, `main-grid`, …
using AccountId = Id<struct AccountTag>;

/// What an account is for. The numbers are those of the database and of the protocol.
enum class AccountKind {
  kParticipant = 1,
  kMainGrid = 2,
  kNetworkOperator = 3,
  kOperatorShare = 4,
  kPaymentsInTransit = 5,
  kRounding = 6,
  kSubscriptions = 7,
  kPieceFees = 8,
  kTax = 9,  ///< opened with the first tax of a statement
  kGeneral = 20,
};

/// The account of a participant.
AccountId ParticipantAccount(const ParticipantId& participant);
/// The one account of a kind other than `kParticipant` and `kGeneral`.
AccountId SystemAccount(AccountKind kind);
/// The accounts that every ledger has from its start.
std::vector<AccountId> SystemAccounts();

/// The kind of an account by its id; nothing when the id has no such form.
std::optional<AccountKind> KindOf(const AccountId& account);
/// The owner of a participant's account; empty for the others.
ParticipantId OwnerOf(const AccountId& account);

/// An account with its sums.
struct Account {
  AccountId id;
  Money balance;  ///< sum of all postings
  Money held;     ///< reserved by open holds
};

}  // namespace peerwatt::settlement
