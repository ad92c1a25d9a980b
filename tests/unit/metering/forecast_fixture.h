#pragma once

#include <cstddef>
#include <functional>

#include <gtest/gtest.h>

#include "services/metering/core/forecast/forecast.h"

namespace peerwatt::metering::testing {

inline absl::TimeZone Berlin() {
  absl::TimeZone zone;
  EXPECT_TRUE(absl::LoadTimeZone("Europe/Berlin", &zone));
  return zone;
}

/// Local time in Berlin.
inline absl::Time Local(int year, int month, int day, int hour = 0, int minute = 0) {
  return Berlin().At(absl::CivilSecond(year, month, day, hour, minute)).trans;
}

/// What a metering point draws or feeds in; nothing: no reading.
using EnergyAt = std::function<std::optional<int64_t>(absl::Time start)>;

/// Readings over the history of a plan.
inline ReadingColumn ColumnOf(const ForecastPlan& plan, const EnergyAt& import_wh,
                              const EnergyAt& export_wh = [](absl::Time) { return 0; }) {
  ReadingColumn column;
  for (absl::Time at = plan.history().start; at < plan.history().end; at += absl::Minutes(15)) {
    const std::optional<int64_t> imported = import_wh(at);
    column.import_wh.push_back(imported.value_or(0));
    column.export_wh.push_back(imported.has_value() ? export_wh(at).value_or(0) : 0);
    column.qualities.push_back(imported.has_value() ? Quality::kMeasured : Quality::kMissing);
    column.revisions.push_back(imported.has_value() ? 1 : 0);
  }
  return column;
}

/// Local days of `at` in Berlin since 1970-01-01, and its quarter-hour of the day.
inline LocalSlot SlotAt(absl::Time at) { return LocalSlotOf(at, absl::Minutes(15), Berlin()); }

}  // namespace peerwatt::metering::testing
