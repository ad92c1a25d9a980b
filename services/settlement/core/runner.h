#pragma once

#include <map>
#include <set>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "libs/base/clock.h"
#include "services/settlement/core/batch_settler.h"
#include "services/settlement/core/ledgers.h"

namespace peerwatt::settlement {

/// Drives the settlement of all communities by the clock, catching up what was missed.
///
/// A step costs nothing while nothing is due. A community is looked at when a period ends, when
/// the last missing reading of a period arrived, when a settled period was touched, when a time of
/// grace ends, and else at growing pauses while something waits.
class Runner {
 public:
  /// real_clock: paces retries.
  Runner(Ledgers& ledgers, BatchSettler& settler, RunStore& store, const Clock& clock,
         const Clock& real_clock, RunProbe& probe)
      : ledgers_(ledgers), settler_(settler), store_(store), clock_(clock),
        real_clock_(real_clock), probe_(probe) {}

  /// Does what is due now in all communities. One thread calls it.
  void Step();
  /// Is told that readings were stored, after they were marked. Any thread may call it.
  void OnChanges(const std::vector<ReadingChange>& changes);
  /// Is told that a community's calendar changed. Any thread may call it.
  void OnCalendar(const CommunityId& community);

 private:
  /// Where one community stands.
  struct Lane {
    absl::Duration interval;
    absl::Duration first_run_delay;
    absl::Time next_run = absl::InfinitePast();  ///< of the calendar
    absl::Time considered_until = absl::InfinitePast();  ///< periods that end by then were seen
    bool retry = false;                     ///< something waits, or failed
    bool failed = false;
    bool wanted = false;                    ///< a change makes a look worthwhile
    absl::Time retry_at;                    ///< real time
    absl::Duration pause;
    absl::Time grace_ends = absl::InfiniteFuture();
    std::map<absl::Time, std::set<MeteringPointId>> missing;  ///< by waiting period
    absl::Time oldest_waiting = absl::InfiniteFuture();       ///< end of the oldest one
  };

  void TakeChanges();
  bool IsDue(const CommunityRules& rules, const Lane& lane) const;
  absl::Status Work(const CommunityRules& rules, Lane& lane);
  /// Settles what is over for the first time. Returns what waits.
  absl::StatusOr<std::vector<WaitingPeriod>> SettleNew(const CommunityRules& rules,
                                                       const RunCalendar& calendar,
                                                       const std::vector<absl::Time>& starts);
  /// Does the runs of settled periods that are due. Returns whether one waits.
  absl::StatusOr<bool> SettleAgain(const CommunityRules& rules, const RunCalendar& calendar,
                                   const Progress& progress, Lane& lane);
  void Pause(Lane& lane);

  Ledgers& ledgers_;
  BatchSettler& settler_;
  RunStore& store_;
  const Clock& clock_;
  const Clock& real_clock_;
  RunProbe& probe_;
  std::map<CommunityId, Lane> lanes_;
  absl::Mutex mutex_;
  std::vector<ReadingChange> changes_ ABSL_GUARDED_BY(mutex_);
  std::vector<CommunityId> changed_calendars_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace peerwatt::settlement
