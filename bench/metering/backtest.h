#pragma once

#include <cstdint>
#include <vector>

#include "bench/metering/neighbourhood.h"
#include "services/metering/core/forecast/forecast.h"

namespace peerwatt::metering {

/// How long before delivery a forecast is made.
enum class Horizon {
  kGateClosure,  ///< Each interval from what ended an hour before it starts.
  kDayAhead,     ///< Each local day as a whole from what ended by noon of the day before.
};

/// Which local days of the neighbourhood are forecast, counted from its first; half-open. The days
/// before them serve as history only.
struct DaySpan {
  int64_t first = 0;
  int64_t end = 0;
};

/// On these days weights were chosen …
inline constexpr DaySpan kTrainingDays{14, 30};
/// … and on these they are judged; nothing was chosen by them.
inline constexpr DaySpan kJudgementDays{30, 45};

/// Errors of one model added up.
struct Score {
  int64_t intervals = 0;
  int64_t absolute_error_wh = 0;
  int64_t error_wh = 0;   ///< Forecast minus truth.
  int64_t actual_wh = 0;
  int64_t simpler = 0;    ///< Intervals for which a simpler model had to do.
};

/// What is forecast, and when.
struct BacktestCase {
  const Neighbourhood* neighbourhood = nullptr;
  bool generation = false;  ///< Plants instead of households.
  Horizon horizon = Horizon::kGateClosure;
  DaySpan days = kJudgementDays;
};

/// Walks through the days and asks for each forecast with what was known at its time.
/// Returns one score per model, in their order.
std::vector<Score> Backtest(const BacktestCase& what, const std::vector<ForecastModel>& models,
                            const LoadWeights& load = {},
                            const GenerationWeights& generation = {});

/// The part of a column of `neighbourhood` that lies in `span`; nothing is known outside.
ReadingColumn Cut(const Neighbourhood& neighbourhood, const ReadingColumn& column, Interval span);

}  // namespace peerwatt::metering
