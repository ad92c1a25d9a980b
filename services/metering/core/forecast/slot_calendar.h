#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/time/time.h"
#include "libs/domain/interval.h"

namespace peerwatt::metering {

/// Where an interval lies in the life of people: on which local day, at which time of it.
struct LocalSlot {
  int64_t day = 0;  ///< Local days since 1970-01-01.
  size_t slot = 0;  ///< Local time since midnight in whole intervals.

  /// 0 is Monday, 6 is Sunday.
  int64_t Weekday() const { return (day % 7 + 10) % 7; }
  bool IsWeekend() const { return Weekday() >= 5; }
  bool operator==(const LocalSlot&) const = default;
};

/// The local slot in which an interval starts.
LocalSlot LocalSlotOf(absl::Time start, absl::Duration resolution, const absl::TimeZone& zone);

/// The intervals of a span as a table of local days and slots. A day on which the clocks go
/// forward has slots without an interval; when they go back, a repeated slot shows its last one.
class SlotCalendar {
 public:
  static constexpr int32_t kNoInterval = -1;

  /// span: on the grid of `resolution`; may be empty.
  SlotCalendar(Interval span, absl::Duration resolution, const absl::TimeZone& zone);

  size_t slots_per_day() const { return slots_per_day_; }
  size_t day_count() const { return index_.size() / slots_per_day_; }
  /// Local day of a row, since 1970-01-01.
  int64_t DayOf(size_t row) const { return first_day_ + static_cast<int64_t>(row); }
  /// Number of the interval from the start of the span, or kNoInterval.
  int32_t At(size_t row, size_t slot) const { return index_[row * slots_per_day_ + slot]; }
  /// The local slots of the span's intervals, in order of time.
  const std::vector<LocalSlot>& slots() const { return slots_; }
  /// The row of an interval.
  size_t RowOf(size_t interval) const {
    return static_cast<size_t>(slots_[interval].day - first_day_);
  }

 private:
  size_t slots_per_day_;
  int64_t first_day_ = 0;
  std::vector<LocalSlot> slots_;
  std::vector<int32_t> index_;
};

}  // namespace peerwatt::metering
