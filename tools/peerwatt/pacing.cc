#include "tools/peerwatt/pacing.h"

#include <algorithm>

namespace peerwatt::tool {
namespace {

constexpr absl::Duration kSetUpLead = absl::Hours(2);

absl::Time Floor(absl::Time time, absl::Duration interval) {
  return absl::UnixEpoch() + absl::Floor(time - absl::UnixEpoch(), interval);
}

}  // namespace

Due DueAt(const Timetable& timetable, absl::Time now) {
  Due due{absl::InfinitePast(), absl::InfinitePast(), absl::InfinitePast()};
  const absl::Time closed = Floor(now + timetable.gate_closure_lead, timetable.interval);
  if (closed >= timetable.start) due.auctions = closed + timetable.interval;
  const absl::Time delivered = std::min(Floor(now, timetable.interval), timetable.end);
  if (delivered > timetable.start) due.readings = due.periods = delivered;
  return due;
}

absl::Time FirstInstant(const Timetable& timetable) {
  return timetable.start - std::max(kSetUpLead, 2 * timetable.gate_closure_lead) + kBehindBoundary;
}

absl::Time NextInstant(const Timetable& timetable, absl::Time now) {
  return Floor(now, timetable.interval) + timetable.interval + kBehindBoundary;
}

absl::Time LastInstant(const Timetable& timetable) { return timetable.end + kBehindBoundary; }

int64_t StepCount(const Timetable& timetable) {
  return (LastInstant(timetable) - FirstInstant(timetable)) / timetable.interval;
}

}  // namespace peerwatt::tool
