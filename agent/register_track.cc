#include "agent/register_track.h"

#include <algorithm>
#include <utility>

#include "absl/numeric/int128.h"
#include "libs/domain/interval.h"

namespace peerwatt::agent {
namespace {

constexpr int kDoubtsMax = 3;
constexpr absl::Duration kTimeBackMax = absl::Hours(1);
constexpr int64_t kMwhPerWh = 1000;

Boundary BoundaryAt(absl::Time time, const Observation& observation) {
  return {time, observation.meter, observation.imported, observation.exported};
}

// Energy up to the share `part / parts` of `counted`, in whole watt hours with what rested before.
int64_t WholeWh(int64_t counted_mwh, int64_t rest_mwh, int64_t part, int64_t parts) {
  const absl::int128 share = absl::int128(counted_mwh) * part / parts;
  return static_cast<int64_t>((share + rest_mwh) / kMwhPerWh);
}

int64_t CountedOrZero(const std::optional<RegisterValue>& from,
                      const std::optional<RegisterValue>& to) {
  return from.has_value() && to.has_value() ? CountedMwh(*from, *to).value_or(0) : 0;
}

int64_t RestOf(const std::optional<RegisterValue>& value) {
  return value.has_value() ? value->mwh % kMwhPerWh : 0;
}

bool WentBack(const std::optional<RegisterValue>& from, const std::optional<RegisterValue>& to) {
  return from.has_value() != to.has_value() ||
         (from.has_value() && !CountedMwh(*from, *to).has_value());
}

}  // namespace

std::optional<int64_t> CountedMwh(const RegisterValue& from, const RegisterValue& to) {
  if (to.mwh >= from.mwh) return to.mwh - from.mwh;
  if (to.rollover_mwh <= from.mwh || to.rollover_mwh != from.rollover_mwh) return std::nullopt;
  const int64_t counted = to.rollover_mwh - from.mwh + to.mwh;
  // More than half of the range is no counting up but a step back.
  if (counted > to.rollover_mwh / 2) return std::nullopt;
  return counted;
}

bool RegisterTrack::Follows(const Observation& before, const Observation& after) const {
  const int64_t seconds = absl::ToInt64Seconds(after.time - before.time) + 3600;
  const absl::int128 most_mwh = absl::int128(options_.power_max_w) * kMwhPerWh * seconds / 3600;
  const auto follows = [&](const std::optional<RegisterValue>& from,
                           const std::optional<RegisterValue>& to) {
    if (from.has_value() != to.has_value()) return false;
    if (!from.has_value()) return true;
    const std::optional<int64_t> counted = CountedMwh(*from, *to);
    return counted.has_value() && *counted <= most_mwh;
  };
  return after.time > before.time && before.meter == after.meter &&
         follows(before.imported, after.imported) && follows(before.exported, after.exported);
}

// Whether an observation that does not follow the last one begins a new count.
bool RegisterTrack::Believes(const Observation& observation) {
  if (observation.time <= last_->time) return observation.time < last_->time - kTimeBackMax;
  doubts_ = doubted_.has_value() && Follows(*doubted_, observation) ? doubts_ + 1 : 1;
  doubted_ = observation;
  return doubts_ >= kDoubtsMax;
}

void RegisterTrack::Decide(absl::Time time, const Observation& observation,
                           std::vector<Boundary>& decided) const {
  const absl::Duration before = time - last_->time;
  const absl::Duration after = observation.time - time;
  if (std::min(before, after) > options_.tolerance) return;
  decided.push_back(BoundaryAt(time, before <= after ? *last_ : observation));
}

void RegisterTrack::Observe(const Observation& observation, std::vector<Boundary>& decided) {
  if (!observation.imported.has_value() && !observation.exported.has_value()) {
    ++unused_;
    return;
  }
  const absl::Time floor = FloorToGrid(observation.time, options_.interval);
  if (last_.has_value() && !Follows(*last_, observation)) {
    if (!Believes(observation)) {
      ++unused_;
      return;
    }
    ++restarts_;
    last_.reset();
  }
  doubts_ = 0;
  doubted_.reset();
  if (!last_.has_value()) {
    if (observation.time - floor <= options_.tolerance) {
      decided.push_back(BoundaryAt(floor, observation));
    }
    last_ = observation;
    return;
  }
  // Of a long silence only the boundaries at both ends can be within the tolerance.
  const absl::Time first = FloorToGrid(last_->time, options_.interval) + options_.interval;
  if (first <= observation.time) Decide(first, observation, decided);
  if (first < floor) Decide(floor, observation, decided);
  last_ = observation;
}

void IntervalMaker::Resume(const Boundary& last, int64_t import_rest_mwh, int64_t export_rest_mwh) {
  last_ = last;
  import_rest_mwh_ = import_rest_mwh;
  export_rest_mwh_ = export_rest_mwh;
}

void IntervalMaker::Add(const Boundary& boundary, std::vector<IntervalEnergy>& intervals) {
  const bool follows = last_.has_value() && boundary.time > last_->time &&
                       boundary.meter == last_->meter && boundary.time - last_->time <= gap_max_ &&
                       !WentBack(last_->imported, boundary.imported) &&
                       !WentBack(last_->exported, boundary.exported);
  if (!follows) {
    Resume(boundary, RestOf(boundary.imported), RestOf(boundary.exported));
    return;
  }
  const int64_t imported = CountedOrZero(last_->imported, boundary.imported);
  const int64_t exported = CountedOrZero(last_->exported, boundary.exported);
  const int64_t parts = (boundary.time - last_->time) / interval_;
  int64_t import_before = 0;
  int64_t export_before = 0;
  for (int64_t part = 1; part <= parts; ++part) {
    const int64_t import_wh = WholeWh(imported, import_rest_mwh_, part, parts);
    const int64_t export_wh = WholeWh(exported, export_rest_mwh_, part, parts);
    intervals.push_back({last_->time + (part - 1) * interval_,
                         Energy::WattHours(import_wh - std::exchange(import_before, import_wh)),
                         Energy::WattHours(export_wh - std::exchange(export_before, export_wh)),
                         parts > 1});
  }
  Resume(boundary, (import_rest_mwh_ + imported) % kMwhPerWh,
         (export_rest_mwh_ + exported) % kMwhPerWh);
}

}  // namespace peerwatt::agent
