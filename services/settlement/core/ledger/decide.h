#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/node_hash_map.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "services/settlement/core/ledger/errors.h"
#include "services/settlement/core/ledger/transfer.h"

namespace peerwatt::settlement::ledger {

/// What is known under a key.
struct KnownKey {
  std::string content_hash;
  const ErrorReason* refusal = nullptr;  ///< nothing when it was applied
  int64_t entry_number = 0;              ///< of the entry that it posted; 0 for none
};

/// What a decision depends on, read under the ledger's lock.
struct Book {
  absl::Time now;              ///< the ledger's clock
  int64_t entry_count = 0;     ///< entries so far
  absl::node_hash_map<AccountId, AccountState> accounts;  ///< those of the batch that exist
  absl::flat_hash_map<std::string, KnownKey> keys;        ///< those of the batch that are known
  absl::node_hash_map<std::string, Hold> holds;  ///< those of the batch, and all that are due
};

/// An entry to append, with what its accounts come to.
struct AppendedEntry {
  int64_t number = 0;
  JournalEntry entry;
  std::string content_hash;
  std::vector<AccountNumber> accounts;  ///< of its postings
  std::vector<int64_t> closing;  ///< debits and credits posted after it, by turns, of each account
};

/// A key to remember that posted no entry: of a hold, of a void, or of a refusal.
struct RememberedKey {
  std::string key;
  TransferKind kind = TransferKind::kEntry;
  std::string content_hash;
  const ErrorReason* refusal = nullptr;
};

/// What to write.
struct Decision {
  std::vector<TransferResult> results;  ///< by transfer, in the order of the calls
  std::vector<AppendedEntry> entries;   ///< in the order of their numbers
  std::vector<RememberedKey> keys;
  std::vector<std::string> new_holds;      ///< keys; contents in `book.holds`
  std::vector<std::string> changed_holds;  ///< keys of holds that ended and were there before
  std::vector<AccountId> changed_pending;  ///< accounts whose pending counters changed, once each
  Book book;                               ///< after all of it
};

/// The label of entries that transfers and captures post.
inline constexpr char kTransferLabel[] = "transfer";

/// Decides all transfers of some callers, one after the other, as if each stood alone.
///
/// First every due hold expires. A chain, that is transfers of one call that are linked to the
/// next, is applied as a whole or not at all; what exists already counts as applied.
/// A refusal that comes from the state of the books is remembered under its key: the same content
/// is refused again whatever the books say then, other content is CONTENT_DIFFERS. Reasons:
/// errors.h, in that order.
/// calls: the transfers of each caller; entries are as `MakeEntry` leaves them.
/// book: has every account, key and hold that the calls name, where it exists.
Decision Decide(const std::vector<absl::Span<const Transfer>>& calls, Book book);

}  // namespace peerwatt::settlement::ledger
