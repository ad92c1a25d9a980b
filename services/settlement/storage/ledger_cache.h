#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/node_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "libs/domain/ids.h"
#include "services/settlement/core/ledger/account.h"
#include "services/settlement/core/ledger/decide.h"

namespace peerwatt::settlement {

/// The row of a ledger.
struct LedgerPosition {
  std::string currency;
  int64_t entry_count = 0;
  int32_t account_count = 0;
  int64_t key_count = 0;
  int64_t folded_entry_no = 0;
  int64_t version = -1;
  absl::Time clock_at = absl::InfinitePast();
};

/// Postings to an account that its row does not know yet.
struct AccountTail {
  std::vector<int64_t> entry_numbers;  ///< in order, never empty
  Money debits_posted;                 ///< after the last of them
  Money credits_posted;
};

/// Closing sums of one entry, as the journal has them.
struct ClosingRow {
  int64_t number = 0;
  std::vector<ledger::AccountNumber> accounts;
  std::vector<int64_t> closing;
};

/// What a process keeps of one ledger, so that a transaction reads and writes no account's row for
/// an entry: the sums of accounts, and which entries are not folded into rows and pages yet. It is
/// as good as the database while the ledger's row has the version that was seen last.
///
/// Folding: accounts are written back by turns, neighbours together, each once in `tail_max`
/// entries, with all that came since. However many accounts there are, one costs a row in a while,
/// beside others that are written at the same time, and a process that starts reads little more
/// than `tail_max` entries.
class CachedLedger {
 public:
  using Accounts = absl::node_hash_map<AccountId, ledger::AccountState>;
  /// An account to write back.
  struct Fold {
    ledger::AccountNumber account = 0;
    AccountTail tail;
  };

  /// Held from before the ledger's row is locked until what was committed is published.
  absl::Mutex& writing() ABSL_LOCK_RETURNED(writing_) { return writing_; }

  int64_t version() const;
  /// Entries up to here are known.
  int64_t entry_count() const;
  /// Entries after this one were all posted, and folded if they are, by this process.
  int64_t others_entry_no() const;

  /// Forgets accounts and adds what other processes posted since: rows from the first entry that
  /// is neither known nor folded.
  void CatchUp(const LedgerPosition& position, const std::vector<ClosingRow>& rows);
  /// Forgets everything: the database is an older one than the process has seen.
  void Forget();
  /// Copies the accounts that are known to `into`. Returns the others.
  std::vector<AccountId> Take(const std::vector<AccountId>& ids, Accounts& into) const;
  /// Brings the posted sums of a row that was read up to date.
  void Overlay(ledger::AccountState& account) const;
  /// The tail of an account; nothing when its row is up to date.
  std::optional<AccountTail> TailOf(ledger::AccountNumber account) const;

  /// What is due to be written back once `appended` is posted, in the order of the accounts, and
  /// the number up to which all will be folded then.
  std::pair<std::vector<Fold>, int64_t> PlanFold(const std::vector<ClosingRow>& appended,
                                                 const LedgerPosition& after,
                                                 int64_t tail_max) const;
  /// Takes over what a transaction has committed.
  void Publish(const LedgerPosition& position, Accounts accounts,
               const std::vector<ClosingRow>& appended, const std::vector<Fold>& folds);

 private:
  void Append(const ClosingRow& row) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::vector<Fold> DueFolds(int64_t entries_before, const LedgerPosition& after,
                             int64_t tail_max) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  absl::Mutex writing_;
  mutable absl::Mutex mutex_;
  int64_t version_ ABSL_GUARDED_BY(mutex_) = -1;
  int64_t entry_count_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t others_entry_no_ ABSL_GUARDED_BY(mutex_) = 0;
  Accounts accounts_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<ledger::AccountNumber, AccountTail> tails_ ABSL_GUARDED_BY(mutex_);
  // First entry of each tail, oldest first. One whose tail begins elsewhere now is stale.
  std::deque<std::pair<int64_t, ledger::AccountNumber>> unfolded_ ABSL_GUARDED_BY(mutex_);
};

/// What a process keeps of all ledgers. Safe for many threads.
class LedgerCache {
 public:
  /// Makes a content's hash: SHA-256, 32 bytes.
  using HashFunction = std::string (*)(absl::string_view);

  /// tail_max: entries that may pass before a posting is written back to its account.
  /// tail_per_account: in a ledger of many accounts, so many for each of them: one row is written
  /// back for about so many entries.
  explicit LedgerCache(HashFunction hash, int64_t tail_max = 250'000,
                       int64_t tail_per_account = 8)
      : hash_(hash), tail_max_(tail_max), tail_per_account_(tail_per_account) {}

  CachedLedger& Of(const CommunityId& community);
  /// Entries that may pass in a ledger of so many accounts.
  int64_t TailMax(int64_t account_count) const {
    return std::max(tail_max_, tail_per_account_ * account_count);
  }
  std::string Hash(absl::string_view content) const { return hash_(content); }

 private:
  const HashFunction hash_;
  const int64_t tail_max_;
  const int64_t tail_per_account_;
  absl::Mutex mutex_;
  std::map<CommunityId, std::unique_ptr<CachedLedger>> ledgers_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace peerwatt::settlement
