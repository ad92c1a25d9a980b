#include "services/metering/core/forecast/slot_calendar.h"

#include "absl/time/civil_time.h"

namespace peerwatt::metering {

LocalSlot LocalSlotOf(absl::Time start, absl::Duration resolution, const absl::TimeZone& zone) {
  const absl::CivilSecond local = zone.At(start).cs;
  const int64_t second = local.hour() * 3600 + local.minute() * 60 + local.second();
  return {.day = absl::CivilDay(local) - absl::CivilDay(1970, 1, 1),
          .slot = static_cast<size_t>(second / absl::ToInt64Seconds(resolution))};
}

SlotCalendar::SlotCalendar(Interval span, absl::Duration resolution, const absl::TimeZone& zone)
    : slots_per_day_(static_cast<size_t>(absl::Hours(24) / resolution)) {
  for (absl::Time start = span.start; start < span.end; start += resolution) {
    slots_.push_back(LocalSlotOf(start, resolution, zone));
  }
  if (slots_.empty()) {
    return;
  }
  first_day_ = slots_.front().day;
  index_.assign((RowOf(slots_.size() - 1) + 1) * slots_per_day_, kNoInterval);
  for (size_t i = 0; i < slots_.size(); ++i) {
    index_[RowOf(i) * slots_per_day_ + slots_[i].slot] = static_cast<int32_t>(i);
  }
}

}  // namespace peerwatt::metering
