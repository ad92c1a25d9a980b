#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "services/metering/core/forecast/forecast.h"
#include "services/metering/core/ports.h"

namespace peerwatt::metering {

/// Most days that one forecast may span.
inline constexpr int64_t kForecastDaysMax = 7;

/// What is to be forecast.
struct ForecastQuery {
  std::vector<MeteringPointId> points;
  Interval span;        ///< On the grid of every point's community.
  absl::Time data_end;  ///< Only readings of intervals that ended by then are used.
  ForecastModel model = ForecastModel::kSmoothed;
};

/// The forecast of one point; of a point that is not registered, of length zero and without values.
struct TimedForecast {
  PointForecast forecast;
  absl::Duration resolution;
};

/// Forecasts metering points from stored readings. The same query gives the same answer as long as
/// no reading of an interval that ended by `data_end` gets a new revision.
class Forecaster {
 public:
  /// References must outlive it.
  Forecaster(MemberDirectory& directory, ReadingStore& store)
      : directory_(directory), store_(store) {}

  /// Returns one forecast per point, in the order asked.
  /// Errors: FIELD_INVALID (`start_time`, `end_time`) off the grid of a point; PEER_UNAVAILABLE;
  /// DATABASE_UNAVAILABLE.
  absl::StatusOr<std::vector<TimedForecast>> Run(const ForecastQuery& query);

 private:
  absl::Status RunGroup(const ForecastQuery& query, const Member& like,
                        const std::vector<size_t>& positions,
                        std::vector<TimedForecast>& forecasts);

  MemberDirectory& directory_;
  ReadingStore& store_;
};

}  // namespace peerwatt::metering
