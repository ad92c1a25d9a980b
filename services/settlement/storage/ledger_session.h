#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <pqxx/pqxx>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/postgres/binary_copy.h"
#include "libs/postgres/pool.h"
#include "services/settlement/core/journal_entry.h"
#include "services/settlement/core/ledger/decide.h"
#include "services/settlement/storage/ledger_cache.h"

namespace peerwatt::settlement {

/// The error for a community without a ledger: NOT_FOUND.
absl::Status LedgerNotFound(const CommunityId& community);

/// Writes to one ledger within a transaction: locks the ledger's row first and for all, then one
/// statement per table. Made by `WriteLedger` alone.
class LedgerSession {
 public:
  using Accounts = CachedLedger::Accounts;

  LedgerSession(pqxx::work& tx, const CommunityId& community, CachedLedger& cached,
                const LedgerCache& cache)
      : tx_(tx), community_(community), cached_(cached), cache_(cache) {}

  /// Locks the ledger and learns what other processes wrote. now: the clock; the ledger's own
  /// never goes back. Errors: NOT_FOUND.
  absl::Status Lock(absl::Time now);

  const LedgerPosition& position() const { return position_; }
  /// The ledger's time: of the clock, or of the last write where that is later.
  absl::Time now() const { return position_.clock_at; }
  /// Whether the time of a hold is over.
  bool has_due_holds() const { return has_due_holds_; }

  /// Reads accounts with their sums; those that do not exist are left out.
  void Load(const std::vector<AccountId>& ids);
  /// What was loaded and posted so far.
  Accounts& accounts() { return accounts_; }
  /// Loads accounts and opens those that do not exist, as their kinds have it.
  void Ensure(const std::vector<AccountId>& ids);
  /// Opens accounts; those that exist get the limits.
  void Open(const std::vector<ledger::AccountOpening>& openings);

  /// Posts entries whatever the accounts' limits say: what a settlement run owes is owed.
  /// Opens accounts that do not exist.
  /// Returns the number of the first.
  int64_t Post(const std::vector<JournalEntry>& entries);
  /// Sends entries that were decided on, as soon as they are: the database works on them while
  /// the next are decided. Nothing else may be asked of it before `EndEntries`.
  void Append(std::vector<ledger::AppendedEntry> entries);
  /// Ends the sending of entries; `accounts` are those after all of them.
  void EndEntries(Accounts accounts);
  /// Keeps the pending counters of loaded accounts.
  void WritePending(const std::vector<AccountId>& ids);
  /// Ends a copy that was begun, of a transaction that is given up.
  void DropCopy() { copy_.reset(); }
  /// Counts keys that were remembered.
  void AddKeys(size_t count);

  /// Ends the transaction's writing: folds what is due and counts the ledger up.
  void Finish();
  /// Lets the process know, once the transaction is committed.
  void Publish();

 private:
  /// Entries that go with the ledger's row, as parameters of one statement.
  struct FewEntries {
    std::vector<int64_t> numbers;
    std::vector<std::string> kinds, keys, hashes, accounts, amounts, closing;
    std::vector<std::string> periods;  ///< empty where an entry is of none
  };

  void KeepEntries(const std::vector<ledger::AppendedEntry>& entries);
  void CopyEntries(const std::vector<ledger::AppendedEntry>& entries);
  std::vector<ClosingRow> ReadTail(int64_t after, int64_t through);

  pqxx::work& tx_;
  const CommunityId& community_;
  CachedLedger& cached_;
  const LedgerCache& cache_;
  LedgerPosition position_;
  bool has_due_holds_ = false;
  bool is_written_ = false;
  Accounts accounts_;
  std::vector<ClosingRow> appended_;
  std::unique_ptr<postgres::BinaryCopy> copy_;
  FewEntries few_;
  std::vector<CachedLedger::Fold> folds_;
};

/// Runs `body` in a transaction that has the ledger for itself, commits, and lets the process know
/// what was written. Errors: NOT_FOUND, those of `body` and of the pool.
absl::Status WriteLedger(postgres::Pool& pool, LedgerCache& cache, const CommunityId& community,
                         absl::Time now, absl::FunctionRef<absl::Status(pqxx::work&,
                                                                        LedgerSession&)> body);

/// Reads the row of a ledger.
LedgerPosition PositionFrom(const pqxx::row& row);
/// Reads a row of the journal with its closing sums.
ClosingRow ClosingFrom(const pqxx::row& row);
/// Reads a row of an account.
ledger::AccountState AccountStateFrom(const pqxx::row& row);

}  // namespace peerwatt::settlement
