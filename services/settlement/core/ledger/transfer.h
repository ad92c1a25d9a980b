#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "libs/base/error.h"
#include "services/settlement/core/journal_entry.h"
#include "services/settlement/core/ledger/account.h"

namespace peerwatt::settlement::ledger {

/// What a transfer does. The numbers are those of the database.
enum class TransferKind {
  kEntry = 1,    ///< posts an entry at once
  kHold = 2,     ///< reserves money until it is captured, voided, or its time is over
  kCapture = 3,  ///< posts a hold, or part of it, and releases the rest
  kVoid = 4,     ///< releases a hold
};

/// One request to the ledger.
struct Transfer {
  TransferKind kind = TransferKind::kEntry;
  std::string key;       ///< unique in the ledger, whatever the kind
  bool linked = false;   ///< stands or falls with the next transfer of the call
  std::string currency;  ///< ISO 4217; entries and holds
  std::vector<Posting> postings;  ///< entries: as `MakeEntry` leaves them
  AccountId debit;                ///< holds: whose money
  AccountId credit;               ///< holds and captures: who is paid; may be empty
  Money amount;       ///< holds: > 0; captures: >= 0, where 0 is all that is held
  absl::Time expires_at = absl::InfiniteFuture();  ///< holds
  std::string hold;                                ///< captures and voids: key of the hold
  std::string content_hash;  ///< SHA-256 of `ContentOf`, 32 bytes
};

/// What a transfer says apart from its link, as bytes: equal contents have equal bytes, different
/// ones different bytes.
std::string ContentOf(const Transfer& transfer);
/// The content of an entry, as that of the transfer which posts it.
std::string ContentOf(const JournalEntry& entry, const std::string& currency);

/// What became of a transfer.
enum class Outcome {
  kApplied,  ///< now
  kExists,   ///< before, with the same content
  kRefused,
};

/// The answer to one transfer.
struct TransferResult {
  Outcome outcome = Outcome::kRefused;
  const ErrorReason* reason = nullptr;  ///< of a refusal
  int64_t entry_number = 0;             ///< of the entry that it posted; 0 for none
  bool operator==(const TransferResult&) const = default;
};

/// Where a hold is in its life.
enum class HoldState { kOpen = 1, kCaptured = 2, kVoided = 3, kExpired = 4 };

/// A hold as it is kept.
struct Hold {
  std::string key;
  AccountId debit;
  AccountId credit;  ///< empty: named at the capture
  Money initial;     ///< what was held first
  Money open;        ///< what is held now
  HoldState state = HoldState::kOpen;
  absl::Time expires_at = absl::InfiniteFuture();
  bool operator==(const Hold&) const = default;
};

}  // namespace peerwatt::settlement::ledger
