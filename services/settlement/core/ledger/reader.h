#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/settlement/core/books.h"
#include "services/settlement/core/ledger/account.h"

namespace peerwatt::settlement::ledger {

/// What an account had posted after an entry.
struct BalanceAsOf {
  int64_t entry_number = 0;  ///< the last entry of the account that counts; 0 for none
  Money debits_posted;
  Money credits_posted;
  absl::Time posted_at = absl::InfinitePast();  ///< of that entry

  Money Balance() const { return credits_posted - debits_posted; }
};

/// Answers questions about accounts from the journal's closing sums, without adding anything up.
class Reader {
 public:
  virtual ~Reader() = default;
  /// Errors: NOT_FOUND, also when the community has no ledger.
  virtual absl::StatusOr<AccountState> GetAccount(const CommunityId& community,
                                                  const AccountId& account) = 0;
  /// In the order of the ids, after `after`.
  virtual absl::StatusOr<std::vector<AccountState>> ListAccounts(const CommunityId& community,
                                                                 const AccountId& after,
                                                                 int32_t limit) = 0;
  /// What the account had after entry `entry_number` of the ledger, its own or another's.
  /// Errors: NOT_FOUND (account).
  virtual absl::StatusOr<BalanceAsOf> GetBalance(const CommunityId& community,
                                                 const AccountId& account,
                                                 int64_t entry_number) = 0;
  /// The number of the last entry that was posted at `time` or before; 0 for none.
  virtual absl::StatusOr<int64_t> EntryAt(const CommunityId& community, absl::Time time) = 0;
  /// Entries with a posting to the account, in order, with numbers above `after`.
  virtual absl::StatusOr<std::vector<PostedEntry>> ListEntries(const CommunityId& community,
                                                               const AccountId& account,
                                                               int64_t after, int32_t limit) = 0;
};

}  // namespace peerwatt::settlement::ledger
