#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "libs/domain/ids.h"
#include "libs/domain/quantities.h"
#include "services/settlement/core/accounts.h"
#include "services/settlement/core/line.h"

namespace peerwatt::settlement {

/// One debit (negative) or credit (positive) of an entry.
struct Posting {
  AccountId account;
  Money amount;
  bool operator==(const Posting&) const = default;
};

/// Postings that take effect together. They sum to zero; `MakeEntry` is the only way to get one.
struct JournalEntry {
  /// `trade`, `pool`, `imbalance`, `retail`, `feed-in`, `subscription`, `piece-fee`, `statement` or
  /// `deposit`.
  std::string kind;
  std::string idempotency_key;  ///< unique in its ledger
  std::optional<absl::Time> period_start;
  std::vector<Posting> postings;  ///< one per account, in the order of the accounts, none zero
  bool operator==(const JournalEntry&) const = default;
};

/// Makes an entry of postings: those of one account are added up, and those of zero left out.
/// Returns nothing when no money moves. Stops the process when the postings do not sum to zero.
std::optional<JournalEntry> MakeEntry(std::string kind, std::string idempotency_key,
                                      std::optional<absl::Time> period_start,
                                      std::vector<Posting> postings);

/// The entry of a deposit that the payment provider confirmed; amount > 0.
JournalEntry MakeDepositEntry(const ParticipantId& participant, const std::string& deposit_id,
                              Money amount);

/// Money that entries move: the sum of what they credit.
Money MovedBy(const std::vector<JournalEntry>& entries);

/// Entries of one run, and for each of its lines the entry that moved its money.
struct RunEntries {
  std::vector<JournalEntry> entries;
  std::vector<std::optional<size_t>> entry_of_line;  ///< index into `entries`, by line
};

/// The entries that the lines of one run amount to: one per trade, one for all that is shared or
/// pooled, one per imbalance, retail and feed-in line, subscription and fee. Lines may be
/// differences to earlier runs: entries are linear in the lines.
/// lines: in the order of their keys; the four kinds of a trade come together.
/// run: counts from 1. Keys are `trade:<period>:<trade>:<run>`, `pool:<period>:<run>`,
/// `retail:<period>:<participant>:<connection>:<run>`, `feed-in:…`, and
/// `imbalance-purchase:…` and `imbalance-sale:…` for entries of the kind `imbalance`,
/// `subscription:…`, and `piece-fee:…` with the trade, if any, before the run.
RunEntries EntriesOf(absl::Time period_start, int32_t run, const std::vector<Line>& lines);

}  // namespace peerwatt::settlement
