#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "libs/base/clock.h"
#include "services/settlement/core/batch_settler.h"
#include "services/settlement/core/ledgers.h"
#include "services/settlement/core/reconciliation/finding.h"

namespace peerwatt::settlement::reconciliation {

/// What one look at a community's books does.
struct Plan {
  absl::Time now;
  /// Nothing is done when the last look was at this time or later.
  absl::Time not_since = absl::InfiniteFuture();
  /// Holds whose time was over then are open for too long; none: that is not checked.
  std::optional<absl::Time> expired_before;
  /// Whether to go on with the pass over everything, besides what is new.
  bool goes_on = true;
  /// Whether the pass over everything begins anew first.
  bool restarts = false;
};

/// What one look came to.
struct Report {
  bool done = false;  ///< false: somebody else looks now, or has looked already
  FindingChanges changes;
  bool caught_up = false;        ///< every entry was read
  bool full_pass_ended = false;  ///< and with this look everything once more
};

/// A recorded finding.
struct ListedFinding {
  int64_t number = 0;
  Check check = Check::kEntryGap;
  std::string subject;
  std::string detail;
  absl::Time found_at;
  std::optional<absl::Time> resolved_at;
};

/// How far the checks of a community are.
struct Status {
  int64_t entry_count = 0;       ///< of the ledger
  int64_t checked_entry_no = 0;  ///< up to here every entry was read
  int64_t full_entry_no = 0;     ///< up to here it was read again in the pass over everything
  int64_t full_pass_count = 0;
  std::optional<absl::Time> full_pass_at;  ///< end of the last such pass
  int64_t run_count = 0;
  std::optional<absl::Time> run_at;
  int64_t open_count = 0;  ///< findings that are not resolved
};

/// Keeps findings and positions, and does the checks.
class Store {
 public:
  virtual ~Store() = default;
  /// Looks at the books of a community, as of one instant, and records what changed, in one
  /// transaction. Errors: NOT_FOUND when the community has no ledger.
  virtual absl::StatusOr<Report> Look(const CommunityId& community, const Plan& plan) = 0;
  /// Communities with entries that were never read.
  virtual absl::StatusOr<std::vector<CommunityId>> ListUnchecked() = 0;
  /// Findings with numbers above `after`, in their order.
  virtual absl::StatusOr<std::vector<ListedFinding>> ListFindings(const CommunityId& community,
                                                                  int64_t after, int32_t limit,
                                                                  bool open_only) = 0;
  /// Errors: NOT_FOUND when the community has no ledger.
  virtual absl::StatusOr<Status> GetStatus(const CommunityId& community) = 0;
  /// Findings of all communities that are not resolved; checks without any are absent.
  virtual absl::StatusOr<std::map<Check, int64_t>> CountOpen() = 0;
  /// When the community that has waited longest was looked at; none: there is no community.
  virtual absl::StatusOr<std::optional<absl::Time>> OldestRun() = 0;
};

/// Is told what reconciliation comes to; knows the metrics.
class Probe {
 public:
  virtual ~Probe() = default;
  virtual void Looked(absl::Duration took) = 0;
  /// Findings that are open, by check.
  virtual void Open(const std::map<Check, int64_t>& counts) = 0;
  /// How long ago the community that has waited longest was looked at.
  virtual void Age(absl::Duration age) = 0;
};

/// Looks at all books every minute of the clock, and at new entries after each run of a period.
/// However much time has passed, one look catches up: what it has to read depends on the entries
/// since the last. Of several processes one looks at a community at a time. Safe for many threads.
class Reconciler {
 public:
  /// real_clock: measures how long a look takes, and how long a hold is left to be expired.
  Reconciler(Ledgers& ledgers, Store& store, const Clock& clock, const Clock& real_clock,
             Probe& probe);

  /// Does what is due.
  void Step();
  /// Tells that a run of a period has ended.
  void RunEnded() { run_ended_ = true; }
  /// Looks at a community now. everything: until all was read once more, or `stopped` says so.
  /// Errors: NOT_FOUND, RECONCILIATION_RUNNING.
  absl::Status LookNow(const CommunityId& community, bool everything,
                       const std::function<bool()>& stopped);

 private:
  Plan MakePlan();
  absl::StatusOr<Report> Look(const CommunityId& community, const Plan& plan);
  void LookAt(const std::vector<CommunityId>& communities, const Plan& plan);
  void Publish();

  Ledgers& ledgers_;
  Store& store_;
  const Clock& clock_;
  const Clock& real_clock_;
  Probe& probe_;
  std::atomic<bool> run_ended_ = false;
  absl::Time last_tick_ = absl::InfinitePast();  // of the thread that steps
  absl::Mutex mutex_;
  // What the clock showed, by real time.
  std::deque<std::pair<absl::Time, absl::Time>> samples_ ABSL_GUARDED_BY(mutex_);
};

/// Passes on what runs do, and tells a reconciler that one has ended.
class RunWatch final : public RunProbe {
 public:
  explicit RunWatch(RunProbe& next) : next_(next) {}
  /// Before any run; `reconciler` outlives the runs.
  void Tell(Reconciler& reconciler) { reconciler_ = &reconciler; }

  void PeriodSettled(absl::Duration took, size_t entry_count) override;
  void PeriodRestated(absl::Duration took, size_t entry_count) override;
  void Lag(absl::Duration lag) override { next_.Lag(lag); }

 private:
  RunProbe& next_;
  Reconciler* reconciler_ = nullptr;
};

}  // namespace peerwatt::settlement::reconciliation
