// Backtests the forecast models and measures what a forecast costs.
//
//   bench_forecast [FOLDER]   measured profiles in FOLDER; made-up ones if none
//
// Prints one JSON object per line.
#include <ctime>

#include <cstdint>
#include <iostream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "bench/metering/backtest.h"
#include "bench/metering/neighbourhood.h"
#include "services/metering/core/forecast/forecast.h"

namespace peerwatt::metering {
namespace {

constexpr uint64_t kSeed = 1;
constexpr int kPoints = 10'000;

struct NamedModel {
  const char* name;
  ForecastModel model;
};
constexpr NamedModel kModels[] = {{"persistence", ForecastModel::kPersistence},
                                  {"weekday_mean", ForecastModel::kWeekdayMean},
                                  {"smoothed", ForecastModel::kSmoothed}};

void PrintErrors(const Neighbourhood& neighbourhood, const std::string& data) {
  std::vector<ForecastModel> models;
  for (const NamedModel& one : kModels) {
    models.push_back(one.model);
  }
  for (const bool generation : {false, true}) {
    for (const Horizon horizon : {Horizon::kGateClosure, Horizon::kDayAhead}) {
      for (const DaySpan days : {kTrainingDays, kJudgementDays}) {
        const std::vector<Score> scores = Backtest({.neighbourhood = &neighbourhood,
                                                    .generation = generation,
                                                    .horizon = horizon,
                                                    .days = days},
                                                   models);
        for (size_t m = 0; m < scores.size(); ++m) {
          const Score& score = scores[m];
          std::cout << absl::StrCat(
              R"({"data": ")", data, R"(", "class": ")", generation ? "pv" : "households",
              R"(", "horizon": ")", horizon == Horizon::kGateClosure ? "hour" : "day",
              R"(", "days": ")", days.first == kTrainingDays.first ? "training" : "judgement",
              R"(", "model": ")", kModels[m].name, R"(", "intervals": )", score.intervals,
              R"(, "simpler": )", score.simpler, R"(, "absolute_error_wh": )",
              score.absolute_error_wh, R"(, "error_wh": )", score.error_wh,
              R"(, "actual_wh": )", score.actual_wh, "}\n");
        }
      }
    }
  }
}

/// CPU seconds of this process.
double CpuSeconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

/// Forecasts the last day for many metering points that each draw and feed in, all history known.
void PrintCost(const Neighbourhood& neighbourhood) {
  const Interval day{neighbourhood.span.end - absl::Hours(24), neighbourhood.span.end};
  const double planned = CpuSeconds();
  const ForecastPlan plan(day, day.start, neighbourhood.resolution, neighbourhood.zone);
  const double plan_seconds = CpuSeconds() - planned;
  std::vector<ReadingColumn> columns;
  for (size_t i = 0; i < neighbourhood.households.size(); ++i) {
    ReadingColumn both = neighbourhood.households[i];
    both.export_wh = neighbourhood.plants[i % neighbourhood.plants.size()].export_wh;
    columns.push_back(Cut(neighbourhood, both, plan.history()));
  }
  for (const NamedModel& one : kModels) {
    int64_t sum_wh = 0;
    const double start = CpuSeconds();
    for (int i = 0; i < kPoints; ++i) {
      const size_t column = static_cast<size_t>(i) % columns.size();
      sum_wh += plan.Compute(columns[column], one.model).import_wh.front();
    }
    std::cout << absl::StrCat(R"({"cost": ")", one.name, R"(", "points": )", kPoints,
                              R"(, "intervals": 96, "cpu_seconds": )",
                              plan_seconds + CpuSeconds() - start, R"(, "sum_wh": )", sum_wh,
                              "}\n");
  }
}

int Run(const std::string& folder) {
  const auto neighbourhood =
      folder.empty() ? GeneratedNeighbourhood(kSeed) : MeasuredNeighbourhood(folder);
  if (!neighbourhood.ok()) {
    std::cerr << neighbourhood.status() << "\n";
    return 1;
  }
  PrintErrors(*neighbourhood, folder.empty() ? "generated" : "measured");
  PrintCost(*neighbourhood);
  return 0;
}

}  // namespace
}  // namespace peerwatt::metering

int main(int argc, char** argv) {
  return peerwatt::metering::Run(argc > 1 ? argv[1] : "");
}
