#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/functional/function_ref.h"
#include "services/metering/core/forecast/generation_model.h"
#include "services/metering/core/forecast/history.h"
#include "services/metering/core/forecast/load_model.h"
#include "services/metering/core/forecast/slot_calendar.h"
#include "services/metering/core/ports.h"

namespace peerwatt::metering {

/// How a forecast is made, from the simplest. The numbers are those on the wire.
enum class ForecastModel {
  kNone = 0,         ///< Too little is known to say anything.
  kPersistence = 1,  ///< The same slot of the latest day on which it is known.
  kWeekdayMean = 2,  ///< Mean of the same slot on the same weekday of the weeks before.
  kSmoothed = 3,     ///< LoadModel for what is drawn, GenerationModel for what is fed in.
};

/// Days of readings that a forecast looks at.
inline constexpr int64_t kForecastHistoryDays = 28;
/// Days with at least half of their readings that the smoothed model needs.
inline constexpr size_t kSmoothedDaysMin = 3;

/// A forecast of one metering point; without values when the model is kNone.
struct PointForecast {
  ForecastModel model = ForecastModel::kNone;
  std::vector<int64_t> import_wh;
  std::vector<int64_t> export_wh;

  bool operator==(const PointForecast&) const = default;
};

/// What forecasts for one span and time zone share: which readings are needed and where they lie.
/// Only readings of intervals that ended by `data_end` are used, and only integers, so the same
/// readings give the same forecast on every machine.
class ForecastPlan {
 public:
  /// target: on the grid of `resolution`, not empty. zone: in which days and slots are counted.
  ForecastPlan(Interval target, absl::Time data_end, absl::Duration resolution,
               const absl::TimeZone& zone);

  /// The readings that Compute needs: from midnight on, up to the last grid instant by data_end.
  const Interval& history() const { return history_; }
  /// Forecasts a metering point.
  /// column: its readings in history(). model: the best that may be used; with too few data a
  /// simpler one is: kSmoothed needs kSmoothedDaysMin days, kWeekdayMean a reading in the slot and
  /// on the weekday of every interval, each of them a reading in the slot of every interval.
  PointForecast Compute(const ReadingColumn& column, ForecastModel model,
                        const LoadWeights& load = {},
                        const GenerationWeights& generation = {}) const;

 private:
  /// The smoothed value of the target of this number, with its local slot.
  using SmoothedAt =
      absl::FunctionRef<std::optional<int64_t>(const LocalSlot& target, int64_t number)>;

  ForecastModel BestModel(const History& history, ForecastModel asked) const;
  /// What is drawn or fed in at each target.
  std::vector<int64_t> Direction(const History& history, ForecastModel model,
                                 SmoothedAt smoothed) const;

  const absl::Duration resolution_;
  const absl::Time target_start_;
  const Interval history_;
  const SlotCalendar calendar_;
  std::vector<LocalSlot> targets_;
};

}  // namespace peerwatt::metering
