#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <pqxx/pqxx>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/settlement/core/accounts.h"
#include "services/settlement/core/journal_entry.h"

namespace peerwatt::settlement {

/// What an account changes by.
struct AccountChange {
  Money balance;
  Money held;
};
using AccountChanges = std::map<AccountId, AccountChange>;

/// The error for a community without a ledger: NOT_FOUND.
absl::Status LedgerNotFound(const CommunityId& community);

/// Writes to one ledger within a transaction. Lock order: the ledger, then accounts by id.
class LedgerWriter {
 public:
  LedgerWriter(pqxx::work& tx, const CommunityId& community) : tx_(tx), community_(community) {}

  /// Locks the ledger and numbers `count` entries. Returns the number of the first.
  /// Errors: NOT_FOUND when there is no ledger.
  absl::StatusOr<int64_t> TakeEntryNumbers(size_t count);
  /// Locks the ledger against runs, not against other holders of this lock.
  /// Errors: NOT_FOUND when there is no ledger.
  absl::Status ShareLedger();
  /// Locks those of the accounts that exist, in the order of their ids, and reads them.
  std::vector<Account> LockAccounts(const std::vector<AccountId>& accounts);
  /// Opens the accounts that do not exist: a row must exist before it can be locked.
  void EnsureAccounts(const std::vector<AccountId>& accounts);
  /// Appends entries and their effect on the balances, with `changes` besides: one statement per
  /// table. first: number of the first entry. All entries are of one period, or of none.
  void Post(int64_t first, const std::vector<JournalEntry>& entries, absl::Time now,
            AccountChanges changes);
  /// Adds to balances and holds. The accounts exist and are locked.
  void Apply(const AccountChanges& changes);

 private:
  void InsertEntries(int64_t first, const std::vector<JournalEntry>& entries, absl::Time now);

  pqxx::work& tx_;
  const CommunityId& community_;
};

}  // namespace peerwatt::settlement
