#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/domain/interval.h"
#include "services/settlement/core/accounts.h"
#include "services/settlement/core/difference.h"
#include "services/settlement/core/explain/evidence.h"
#include "services/settlement/core/holds.h"
#include "services/settlement/core/journal_entry.h"
#include "services/settlement/core/line.h"
#include "services/settlement/core/peers.h"
#include "services/settlement/core/run_calendar.h"
#include "services/settlement/core/settlement.h"
#include "services/settlement/core/welfare.h"

namespace peerwatt::settlement {

/// How far a community's settlement has come.
struct Progress {
  absl::Time settled_through;              ///< every period that starts before is settled
  std::vector<absl::Time> settled_beyond;  ///< settled periods at or after it, in order
  std::vector<absl::Time> dirty;           ///< settled periods that newer readings touched
  RunReach reach{};                        ///< up to where daily, monthly and final runs reached
};

/// One run of a period, ready to be committed.
struct RunCommit {
  CommunityId community;
  Interval period;
  int32_t run_before = 0;  ///< runs of the period so far; another number supersedes this one
  std::vector<Line> lines;  ///< differences to what was posted; empty posts nothing
  RunEntries entries;
  PeriodTotals totals;
  SchemeId scheme;       ///< the scheme in force; empty when there was none
  bool is_firm = false;  ///< trades were settled by policy `firm`
  int32_t substituted_count = 0;
  int32_t absurd_count = 0;  ///< of these, readings that cannot be
  int32_t price_missing_count = 0;  ///< lines of a bill without a price, from scratch
  int64_t readings_cursor = 0;
  std::vector<UsedRevision> revisions{};  ///< that are not simply the first
  std::string tariff{};                   ///< resource name of the one in force
  absl::Time now;
  std::optional<Welfare> welfare;  ///< of periods in which trades deliver and had something to gain
  RunRecord record;        ///< the run over several periods that this belongs to
  absl::Duration elapsed;  ///< real time since that began
};

/// What the runs of a period posted so far.
struct PostedPeriod {
  int32_t run_count = 0;
  std::vector<PostedLine> lines;
};

/// What makes periods dirty, as far as changes were followed.
struct ChangedPoints {
  /// Points whose readings changed since a period's newest run; periods where they are not known,
  /// or many, are left out.
  std::map<absl::Time, std::vector<MeteringPointId>> points;
  int64_t cursor = 0;  ///< all changes up to it are marked
};
/// What the runs of a period posted so far for some of its participants, and what the newest of
/// them that posted lines knew.
struct PostedPart {
  PostedPeriod period;  ///< lines of these participants
  std::string tariff;   ///< resource name
  SchemeId scheme;
  std::optional<Welfare> welfare;  ///< of all of the period
};
/// The same by period; one of which no run is known is left out.
using PostedParts = std::map<absl::Time, PostedPart>;

/// Keeps periods, runs and the changes that make periods dirty.
class RunStore {
 public:
  virtual ~RunStore() = default;
  /// Makes the ledger of a community with its system accounts, unless it exists.
  virtual absl::Status EnsureLedger(const CommunityRules& rules) = 0;
  virtual absl::StatusOr<Progress> LoadProgress(const CommunityId& community) = 0;
  virtual absl::StatusOr<PostedPeriod> LoadPosted(const CommunityId& community,
                                                  absl::Time period_start) = 0;
  /// Commits a run: entries, balances, lines, the period, and on the first run the end of all
  /// holds of the period, together or not at all. A later run without lines counts no run; that it
  /// took place is kept all the same.
  /// Errors: RUN_SUPERSEDED when the period had other runs meanwhile.
  virtual absl::Status CommitRun(const RunCommit& run) = 0;
  /// Which points' changes make periods dirty.
  virtual absl::StatusOr<ChangedPoints> LoadChangedPoints(
      const CommunityId& community, const std::vector<absl::Time>& starts) = 0;
  /// What was posted for some participants of each period; all of these are settled.
  virtual absl::StatusOr<PostedParts> LoadPostedOf(
      const CommunityId& community,
      const std::map<absl::Time, std::set<ParticipantId>>& participants) = 0;
  /// Commits later runs of several periods of one community, in one batch of one run, together or
  /// not at all. Their totals and `price_missing_count` are changes of what the periods had.
  /// Errors: RUN_SUPERSEDED when one of the periods had other runs meanwhile.
  virtual absl::Status CommitChanges(const std::vector<RunCommit>& runs) = 0;
  /// The calendar in force; the default when the community has set none.
  virtual absl::StatusOr<RunCalendar> LoadCalendar(const CommunityId& community) = 0;
  /// Keeps that a daily, monthly or final run is over, and up to where it reached.
  virtual absl::Status FinishRun(const CommunityId& community, const RunRecord& record,
                                 const RunReach& reach) = 0;
  /// Lists changes of final periods, and no longer counts these periods as changed.
  virtual absl::Status ListLate(const CommunityId& community,
                                const std::vector<absl::Time>& starts, absl::Time now) = 0;
  /// The cursor after which to follow changes of readings.
  virtual absl::StatusOr<int64_t> LoadWatchCursor() = 0;
  /// Marks what the changes touch as dirty where a run has not seen them, with the cursor.
  virtual absl::Status MarkChanged(const std::vector<ReadingChange>& changes, int64_t cursor) = 0;
};

/// Keeps holds.
class HoldStore {
 public:
  virtual ~HoldStore() = default;
  /// Decides by `DecideHolds` and keeps what was decided, in one transaction.
  /// Returns a reason per request, empty where the hold stands. Errors: NOT_FOUND when the
  /// community has no ledger yet.
  virtual absl::StatusOr<std::vector<std::string>> CreateHolds(
      const CommunityId& community, absl::Time period_start,
      const std::vector<HoldRequest>& requests) = 0;
  /// The same decision, of which nothing is kept.
  virtual absl::StatusOr<std::vector<std::string>> CheckHolds(
      const CommunityId& community, absl::Time period_start,
      const std::vector<HoldRequest>& requests) = 0;
  /// Lowers open holds of the period, all in one transaction.
  virtual absl::Status ReduceHolds(const CommunityId& community, absl::Time period_start,
                                   const std::vector<HoldReduction>& reductions) = 0;
};

/// Where a deposit is in its life cycle. The numbers are those of the database and the protocol.
enum class DepositState { kPending = 1, kSucceeded = 2, kDeclined = 3 };

/// Money that a participant pays in.
struct Deposit {
  CommunityId community;
  ParticipantId participant;
  std::string id;
  Money amount;
  DepositState state = DepositState::kPending;
  absl::Time created_at;
  std::string currency;
};

/// Keeps deposits.
class DepositStore {
 public:
  virtual ~DepositStore() = default;
  /// Keeps a pending deposit unless its id is known. Returns what is kept under the id.
  /// Errors: NOT_FOUND when the community has no ledger yet.
  virtual absl::StatusOr<Deposit> InsertDeposit(const Deposit& deposit) = 0;
  /// Ends a pending deposit; confirmed money enters the ledger in the same transaction. One that
  /// has ended stays as it is. Returns what is kept.
  virtual absl::StatusOr<Deposit> FinishDeposit(const Deposit& deposit, ChargeOutcome outcome,
                                                absl::Time now) = 0;
  /// Errors: NOT_FOUND.
  virtual absl::StatusOr<Deposit> GetDeposit(const CommunityId& community,
                                             const ParticipantId& participant,
                                             const std::string& id) = 0;
  virtual absl::StatusOr<std::vector<Deposit>> ListPendingDeposits() = 0;
};

}  // namespace peerwatt::settlement
