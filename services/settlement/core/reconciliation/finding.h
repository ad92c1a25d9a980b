#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace peerwatt::settlement::reconciliation {

/// What the books are checked for. docs/reconciliation.md says what each means.
enum class Check {
  kEntryGap,         ///< entries are numbered from 1 without gaps
  kEntryBalance,     ///< an entry sums to zero over accounts that exist
  kClosingSum,       ///< closing sums are the sums of the postings
  kClearingAccount,  ///< runs leave transit and rounding at 0; deposits have their money
  kAccountPage,      ///< every folded posting is on a page of its account
  kAccountBalance,   ///< rows of accounts are the sums of their postings
  kPendingSum,       ///< pending counters are the sums of the open holds
  kLedgerBalance,    ///< a ledger sums to zero
  kJournalChanged,   ///< entries stay as they were when they were new
  kHoldExpired,      ///< no hold is open beyond its time
  kHoldOrphan,       ///< an open hold has a reason to be open
  kTransferKey,      ///< what is refused has no effect, what was accepted has one
  kLinePosting,      ///< entries of periods post what their lines say
  kLineAmount,       ///< lines come to their energy at their price
  kTradeTransfer,    ///< a settled trade has one transfer per run, at the published rounding
  kPeriodEnergy,     ///< energy in is energy accounted for
};

/// All checks, in the order in which they are listed.
const std::vector<Check>& AllChecks();
/// `entry_gap`, …: as in metrics, records and the API.
absl::string_view NameOf(Check check);
/// The check of a name; nothing when there is none.
std::optional<Check> CheckNamed(absl::string_view name);

/// Something that is wrong.
struct Finding {
  Check check = Check::kEntryGap;
  std::string position;  ///< where it lies among what the check looks at, in the order of the bytes
  std::string subject;   ///< such as `journalEntries/7`, relative to the community
  std::string detail;    ///< what is wrong, for people
  bool operator==(const Finding&) const = default;
};

/// A finding that was recorded and not resolved.
struct OpenFinding {
  int64_t number = 0;
  Finding finding;
  bool operator==(const OpenFinding&) const = default;
};

/// What a check has looked at: positions after `after` up to `through`, or some alone.
struct Examined {
  Check check = Check::kEntryGap;
  std::string after;
  std::string through;
  std::optional<std::set<std::string>> only;
  bool Covers(const Finding& finding) const;
};

/// What to record.
struct FindingChanges {
  std::vector<Finding> found;         ///< each once
  std::vector<OpenFinding> resolved;  ///< looked for again, and not there
  bool operator==(const FindingChanges&) const = default;
};

/// Compares what was found with what is open. A finding is the same when check, position and
/// subject are; its detail may differ.
FindingChanges DecideFindings(const std::vector<OpenFinding>& open,
                              const std::vector<Finding>& found,
                              const std::vector<Examined>& examined);

}  // namespace peerwatt::settlement::reconciliation
