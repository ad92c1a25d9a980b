#include "services/metering/core/forecast/forecaster.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "libs/base/error.h"
#include "libs/base/status_macros.h"

namespace peerwatt::metering {
namespace {

/// Readings that are held at a time: 22 bytes each.
constexpr int64_t kReadingsAtATime = 500'000;

/// The zone of this name; UTC where the name is not known here.
absl::TimeZone ZoneOf(const std::string& name) {
  absl::TimeZone zone;
  return absl::LoadTimeZone(name, &zone) ? zone : absl::UTCTimeZone();
}

}  // namespace

absl::StatusOr<std::vector<TimedForecast>> Forecaster::Run(const ForecastQuery& query) {
  const MemberLookup lookup = directory_.Find(query.points);
  PW_RETURN_IF_ERROR(lookup.failure);
  // Points with the same intervals in the same zone share a plan.
  std::map<std::pair<absl::Duration, std::string>, std::vector<size_t>> groups;
  for (size_t i = 0; i < query.points.size(); ++i) {
    const auto member = lookup.members.find(query.points[i]);
    if (member != lookup.members.end()) {
      groups[{member->second.interval, member->second.time_zone}].push_back(i);
    }
  }
  std::vector<TimedForecast> forecasts(query.points.size());
  for (const auto& [key, positions] : groups) {
    const Member& like = lookup.members.at(query.points[positions.front()]);
    PW_RETURN_IF_ERROR(RunGroup(query, like, positions, forecasts));
  }
  return forecasts;
}

absl::Status Forecaster::RunGroup(const ForecastQuery& query, const Member& like,
                                  const std::vector<size_t>& positions,
                                  std::vector<TimedForecast>& forecasts) {
  if (!IsOnGrid(query.span.start, like.interval)) {
    return FieldInvalid("start_time", "must be on the grid of the metering point's community");
  }
  if (!IsOnGrid(query.span.end, like.interval)) {
    return FieldInvalid("end_time", "must be on the grid of the metering point's community");
  }
  const ForecastPlan plan(query.span, query.data_end, like.interval, ZoneOf(like.time_zone));
  const int64_t readings_each = plan.history().length() / like.interval;
  const auto points_at_a_time =
      static_cast<size_t>(std::max<int64_t>(1, kReadingsAtATime / readings_each));
  for (size_t first = 0; first < positions.size(); first += points_at_a_time) {
    const size_t end = std::min(positions.size(), first + points_at_a_time);
    std::vector<MeteringPointId> points;
    for (size_t i = first; i < end; ++i) {
      points.push_back(query.points[positions[i]]);
    }
    PW_ASSIGN_OR_RETURN(const ReadingColumns readings,
                        store_.Columns(points, plan.history(), like.interval));
    for (size_t i = first; i < end; ++i) {
      forecasts[positions[i]] = {
          .forecast = plan.Compute(readings.columns[i - first], query.model),
          .resolution = like.interval};
    }
  }
  return absl::OkStatus();
}

}  // namespace peerwatt::metering
