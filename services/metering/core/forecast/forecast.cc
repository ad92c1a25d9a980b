#include "services/metering/core/forecast/forecast.h"

#include <algorithm>
#include <optional>

#include "absl/time/civil_time.h"
#include "libs/domain/arithmetic.h"

namespace peerwatt::metering {
namespace {

Interval HistoryUntil(absl::Time data_end, absl::Duration resolution, const absl::TimeZone& zone) {
  const absl::Time end = FloorToGrid(data_end, resolution);
  const absl::CivilDay first = absl::CivilDay(zone.At(end).cs) - kForecastHistoryDays;
  return {FloorToGrid(zone.At(absl::CivilSecond(first)).trans, resolution), end};
}

std::optional<int64_t> Persistence(const History& history, const LocalSlot& target) {
  for (size_t row = history.calendar.day_count(); row-- > 0;) {
    size_t interval = 0;
    if (history.Find(row, target.slot, interval)) {
      return history.energy_wh[interval];
    }
  }
  return std::nullopt;
}

std::optional<int64_t> WeekdayMean(const History& history, const LocalSlot& target) {
  int64_t sum = 0;
  int64_t count = 0;
  for (size_t row = 0; row < history.calendar.day_count(); ++row) {
    size_t interval = 0;
    if ((target.day - history.calendar.DayOf(row)) % 7 == 0 &&
        history.Find(row, target.slot, interval)) {
      sum += history.energy_wh[interval];
      ++count;
    }
  }
  if (count == 0) {
    return std::nullopt;
  }
  return MulDiv(sum, 1, count, Rounding::kHalfEven);
}

/// Whether enough days have at least half of their readings.
bool HasDaysForSmoothed(const History& history) {
  size_t days = 0;
  for (size_t row = 0; row < history.calendar.day_count(); ++row) {
    size_t known = 0;
    for (size_t slot = 0; slot < history.calendar.slots_per_day(); ++slot) {
      size_t interval = 0;
      known += history.Find(row, slot, interval) ? 1U : 0U;
    }
    days += 2 * known >= history.calendar.slots_per_day() ? 1U : 0U;
  }
  return days >= kSmoothedDaysMin;
}

bool AllZero(absl::Span<const int64_t> values) {
  return std::all_of(values.begin(), values.end(), [](int64_t value) { return value == 0; });
}

}  // namespace

ForecastPlan::ForecastPlan(Interval target, absl::Time data_end, absl::Duration resolution,
                           const absl::TimeZone& zone)
    : resolution_(resolution),
      target_start_(target.start),
      history_(HistoryUntil(data_end, resolution, zone)),
      calendar_(history_, resolution, zone) {
  for (absl::Time start = target.start; start < target.end; start += resolution) {
    targets_.push_back(LocalSlotOf(start, resolution, zone));
  }
}

PointForecast ForecastPlan::Compute(const ReadingColumn& column, ForecastModel model,
                                    const LoadWeights& load,
                                    const GenerationWeights& generation) const {
  const History imported{calendar_, column.import_wh, column.qualities, column.revisions};
  const History exported{calendar_, column.export_wh, column.qualities, column.revisions};
  PointForecast forecast{.model = BestModel(imported, model), .import_wh = {}, .export_wh = {}};
  if (forecast.model == ForecastModel::kNone) {
    return forecast;
  }
  size_t known_end = calendar_.slots().size();
  while (!imported.IsKnown(known_end - 1)) {
    --known_end;
  }
  const absl::Duration first_lead =
      target_start_ - (history_.start + resolution_ * static_cast<int64_t>(known_end));
  LoadModel drawn(imported, resolution_, load);
  forecast.import_wh = Direction(imported, forecast.model, [&](const LocalSlot& at, int64_t i) {
    return drawn.At(at, first_lead + resolution_ * i);
  });
  if (AllZero(column.export_wh)) {
    forecast.export_wh.assign(targets_.size(), 0);
    return forecast;
  }
  const GenerationModel fed_in(exported, resolution_, generation);
  forecast.export_wh = Direction(exported, forecast.model, [&](const LocalSlot& at, int64_t i) {
    return fed_in.At(at, first_lead + resolution_ * i);
  });
  return forecast;
}

std::vector<int64_t> ForecastPlan::Direction(const History& history, ForecastModel model,
                                             SmoothedAt smoothed) const {
  std::vector<int64_t> values(targets_.size(), 0);
  if (AllZero(history.energy_wh)) {
    return values;
  }
  for (size_t i = 0; i < targets_.size(); ++i) {
    std::optional<int64_t> value;
    if (model == ForecastModel::kSmoothed) {
      value = smoothed(targets_[i], static_cast<int64_t>(i));
    } else if (model == ForecastModel::kWeekdayMean) {
      value = WeekdayMean(history, targets_[i]);
    } else {
      value = Persistence(history, targets_[i]);
    }
    values[i] = value.value();  // BestModel has seen that there is one.
  }
  return values;
}

ForecastModel ForecastPlan::BestModel(const History& history, ForecastModel asked) const {
  const auto all = [&](auto knows) {
    return std::all_of(targets_.begin(), targets_.end(),
                       [&](const LocalSlot& target) { return knows(history, target).has_value(); });
  };
  if (asked == ForecastModel::kNone || !all(Persistence)) {
    return ForecastModel::kNone;
  }
  if (asked == ForecastModel::kSmoothed && HasDaysForSmoothed(history)) {
    return ForecastModel::kSmoothed;
  }
  if (asked == ForecastModel::kWeekdayMean && all(WeekdayMean)) {
    return ForecastModel::kWeekdayMean;
  }
  return ForecastModel::kPersistence;
}

}  // namespace peerwatt::metering
