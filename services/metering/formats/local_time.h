#pragma once

#include <cstdint>

#include "absl/time/time.h"

namespace peerwatt::metering {

/// A time zone as ESPI's LocalTimeParameters say it.
struct LocalTimeRules {
  /// Says that there is no daylight saving time.
  static constexpr uint32_t kNoRule = 0xFFFFFFFF;

  int64_t zone_offset_s = 0;      ///< Of standard time from UTC.
  int64_t daylight_offset_s = 0;  ///< Of daylight saving time from standard time.
  uint32_t daylight_start = kNoRule;
  uint32_t daylight_end = kNoRule;
};

/// The rules of a zone in the local year of `time`. Where two rules a year do not say it, the
/// offset at `time` without daylight saving time.
/// Source: NAESB ESPI 4.0, DstRuleType.
LocalTimeRules LocalTimeRulesOf(const absl::TimeZone& zone, absl::Time time);

}  // namespace peerwatt::metering
