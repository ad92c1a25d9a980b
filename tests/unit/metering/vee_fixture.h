#pragma once

#include <string>
#include <vector>

#include "services/metering/core/vee/calendar.h"
#include "services/metering/core/vee/rules.h"

namespace peerwatt::metering::testing {

/// Readings of a metering point in Berlin over some local days, to be spoilt and examined.
class VeePoint {
 public:
  /// days: from the first local day on, all measured with `value_wh` import.
  VeePoint(absl::CivilDay first, int days, int64_t value_wh = 200)
      : span_{LocalDay(first, zone_, step_).start, LocalDay(first + days, zone_, step_).start} {
    member_.interval = step_;
    member_.import_capacity_w = 10'000;
    member_.export_capacity_w = 0;
    member_.time_zone = "Europe/Berlin";
    const size_t size = static_cast<size_t>(span_.length() / step_);
    column_.import_wh.assign(size, value_wh);
    column_.export_wh.assign(size, 0);
    column_.qualities.assign(size, Quality::kMeasured);
    column_.revisions.assign(size, 1);
  }

  absl::Time TimeOf(absl::CivilSecond local) const { return zone_.At(local).pre; }
  size_t IndexOf(absl::Time time) const {
    return static_cast<size_t>((time - span_.start) / step_);
  }
  size_t IndexOf(absl::CivilSecond local) const { return IndexOf(TimeOf(local)); }
  void SetImport(size_t first, size_t count, int64_t wh) {
    for (size_t i = first; i < first + count; ++i) {
      column_.import_wh[i] = wh;
    }
  }
  void SetExport(size_t first, size_t count, int64_t wh) {
    for (size_t i = first; i < first + count; ++i) {
      column_.export_wh[i] = wh;
    }
  }
  void Remove(size_t first, size_t count) {
    for (size_t i = first; i < first + count; ++i) {
      column_.import_wh[i] = 0;
      column_.export_wh[i] = 0;
      column_.qualities[i] = Quality::kMissing;
      column_.revisions[i] = 0;
    }
  }
  std::vector<Found> Examine(absl::CivilDay day) const {
    return ExamineDay({.day = LocalDay(day, zone_, step_),
                       .declared = span_,
                       .column_start = span_.start,
                       .column = &column_,
                       .member = &member_});
  }
  static std::vector<std::string> NamesOf(const std::vector<Found>& found) {
    std::vector<std::string> names;
    for (const Found& one : found) {
      names.emplace_back(RuleName(one.rule));
    }
    return names;
  }
  std::vector<std::string> Rules(absl::CivilDay day) const { return NamesOf(Examine(day)); }

  absl::Duration step_ = absl::Minutes(15);
  absl::TimeZone zone_ = ZoneOf("Europe/Berlin");
  Interval span_;
  Member member_;
  ReadingColumn column_;
};

}  // namespace peerwatt::metering::testing
