#pragma once

#include <cstddef>
#include <cstdint>

#include "absl/types/span.h"
#include "services/metering/core/forecast/slot_calendar.h"
#include "services/metering/core/series.h"

namespace peerwatt::metering {

/// What is known of one metering point and direction, as a view: nothing is owned.
struct History {
  const SlotCalendar& calendar;
  absl::Span<const int64_t> energy_wh;     ///< One per interval of the calendar.
  absl::Span<const Quality> qualities;
  absl::Span<const int32_t> revisions;     ///< 0: nothing is known.

  bool IsKnown(size_t interval) const {
    return revisions[interval] > 0 && qualities[interval] != Quality::kMissing;
  }
  /// Whether there is a value in this row and slot; `interval` is then its number.
  bool Find(size_t row, size_t slot, size_t& interval) const {
    const int32_t index = calendar.At(row, slot);
    if (index == SlotCalendar::kNoInterval || !IsKnown(static_cast<size_t>(index))) {
      return false;
    }
    interval = static_cast<size_t>(index);
    return true;
  }
};

}  // namespace peerwatt::metering
