#include "bench/metering/backtest.h"

#include <cstddef>
#include <cstdlib>

#include "absl/time/civil_time.h"

namespace peerwatt::metering {
namespace {

/// One forecast: what for and from what.
struct Question {
  Interval target;
  absl::Time data_end;
};

std::vector<Question> QuestionsOf(const BacktestCase& what) {
  const Neighbourhood& in = *what.neighbourhood;
  const absl::CivilDay first(in.zone.At(in.span.start).cs);
  std::vector<Question> questions;
  for (int64_t number = what.days.first; number < what.days.end; ++number) {
    const absl::CivilDay day = first + number;
    const Interval whole{in.zone.At(absl::CivilSecond(day)).trans,
                         in.zone.At(absl::CivilSecond(day + 1)).trans};
    if (what.horizon == Horizon::kDayAhead) {
      const absl::CivilSecond noon = absl::CivilHour(day - 1) + 12;
      questions.push_back({whole, in.zone.At(noon).trans});
      continue;
    }
    for (absl::Time start = whole.start; start < whole.end; start += in.resolution) {
      questions.push_back({{start, start + in.resolution}, start - absl::Hours(1)});
    }
  }
  return questions;
}

void AddUp(absl::Span<const int64_t> forecast, absl::Span<const int64_t> truth, bool simpler,
           Score& score) {
  for (size_t i = 0; i < truth.size(); ++i) {
    const int64_t error_wh = (forecast.empty() ? 0 : forecast[i]) - truth[i];
    ++score.intervals;
    score.absolute_error_wh += std::abs(error_wh);
    score.error_wh += error_wh;
    score.actual_wh += truth[i];
    score.simpler += simpler ? 1 : 0;
  }
}

}  // namespace

ReadingColumn Cut(const Neighbourhood& neighbourhood, const ReadingColumn& column, Interval span) {
  const auto count = static_cast<size_t>(span.length() / neighbourhood.resolution);
  ReadingColumn cut = ReadingColumn::Missing(count);
  const int64_t offset = (span.start - neighbourhood.span.start) / neighbourhood.resolution;
  for (size_t i = 0; i < count; ++i) {
    const int64_t from = offset + static_cast<int64_t>(i);
    if (from >= 0 && from < static_cast<int64_t>(column.import_wh.size())) {
      const auto at = static_cast<size_t>(from);
      cut.import_wh[i] = column.import_wh[at];
      cut.export_wh[i] = column.export_wh[at];
      cut.qualities[i] = column.qualities[at];
      cut.revisions[i] = column.revisions[at];
    }
  }
  return cut;
}

std::vector<Score> Backtest(const BacktestCase& what, const std::vector<ForecastModel>& models,
                            const LoadWeights& load, const GenerationWeights& generation) {
  const Neighbourhood& in = *what.neighbourhood;
  std::vector<Score> scores(models.size());
  for (const Question& question : QuestionsOf(what)) {
    const ForecastPlan plan(question.target, question.data_end, in.resolution, in.zone);
    for (const ReadingColumn& column : what.generation ? in.plants : in.households) {
      const ReadingColumn known = Cut(in, column, plan.history());
      const ReadingColumn truth = Cut(in, column, question.target);
      for (size_t m = 0; m < models.size(); ++m) {
        const PointForecast forecast = plan.Compute(known, models[m], load, generation);
        AddUp(what.generation ? forecast.export_wh : forecast.import_wh,
              what.generation ? truth.export_wh : truth.import_wh, forecast.model != models[m],
              scores[m]);
      }
    }
  }
  return scores;
}

}  // namespace peerwatt::metering
