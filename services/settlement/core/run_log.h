#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/domain/ids.h"
#include "libs/domain/quantities.h"
#include "services/settlement/core/run_calendar.h"

namespace peerwatt::settlement {

/// A run and what it came to.
struct LoggedRun {
  RunRecord record;  ///< without `begun_at`
  int32_t period_count = 0;
  int32_t posted_period_count = 0;
  int64_t line_count = 0;
  int64_t entry_count = 0;
  Money moved;                  ///< what its entries credit
  int64_t readings_cursor = 0;  ///< every change up to it was seen; 0 when nothing was computed
  int64_t absurd_reading_count = 0;  ///< substituted, because they cannot be
  absl::Duration elapsed;       ///< real time up to its last commit
};

/// Which runs to list.
struct RunFilter {
  std::string id;                  ///< only this one, unless empty
  std::string before;              ///< only runs with smaller ids, unless empty
  std::optional<RunKind> kind;     ///< only this kind
  std::optional<absl::Time> period_start;  ///< only runs that computed this period
};

/// A change of readings, or a version of the tariff, that came after its period was final.
struct LateChange {
  absl::Time listed_at;
  absl::Time period_start;
  int64_t cursor = 0;                ///< of metering; 0: the tariff changed
  int64_t tariff_version_count = 0;  ///< versions of the tariff; 0: readings changed
};

/// Keeps the versions of calendars, and answers what runs did.
class RunLog {
 public:
  virtual ~RunLog() = default;
  /// Adds a version; `calendar.version` is one more than that in force. What is in force with the
  /// same content stays. Returns what is in force then. Errors: CALENDAR_CHANGED.
  virtual absl::StatusOr<RunCalendar> AddCalendar(const CommunityId& community,
                                                  const RunCalendar& calendar) = 0;
  /// At most `limit` runs, newest first.
  virtual absl::StatusOr<std::vector<LoggedRun>> ListRuns(const CommunityId& community,
                                                          const RunFilter& filter,
                                                          int32_t limit) = 0;
  /// At most `limit` changes after `after`, in order.
  virtual absl::StatusOr<std::vector<LateChange>> ListLateChanges(const CommunityId& community,
                                                                  const LateChange& after,
                                                                  int32_t limit) = 0;
};

}  // namespace peerwatt::settlement
