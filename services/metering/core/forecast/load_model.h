#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "services/metering/core/forecast/history.h"

namespace peerwatt::metering {

/// The weights of the model of consumption; chosen by backtest, see docs/forecasts.md.
struct LoadWeights {
  /// A day weighs this many eighths of the day after it.
  int64_t decay_eighths = 7;
  /// Days of the other kind (working day, weekend) weigh this many quarters.
  int64_t other_kind_quarters = 2;
  /// How long back the latest level is looked at.
  absl::Duration level_window = absl::Hours(1);
  /// Share of the level that is carried on to the next interval, in percent …
  int64_t level_percent = 25;
  /// … and after which it has faded to nothing.
  absl::Duration level_fade = absl::Hours(4);
};

/// Consumption: the weighted median of the same slot on the days before, recent days and days of
/// the same kind weighing more, estimated values half; lifted or lowered by how far the latest
/// hours were from their own medians. Medians, because a household's load is mostly a low level
/// with rare peaks at times nobody can tell. Integers only.
class LoadModel {
 public:
  /// history: must outlive the model. resolution: of its intervals.
  LoadModel(const History& history, absl::Duration resolution, const LoadWeights& weights);

  /// The energy in Wh of an interval that starts `lead` after the last known interval ended;
  /// nothing when the slot was never seen.
  std::optional<int64_t> At(const LocalSlot& target, absl::Duration lead);

 private:
  /// Weighted median of a slot over the first `rows` rows.
  std::optional<int64_t> Median(const LocalSlot& target, size_t rows);
  /// Median difference of the latest values from what the days before let expect, in Wh.
  int64_t Level();

  struct Sample {
    int64_t energy_wh;
    int64_t weight;
  };
  const History& history_;
  const absl::Duration resolution_;
  const LoadWeights weights_;
  std::vector<int64_t> weight_of_row_;
  std::vector<Sample> samples_;
  std::optional<int64_t> level_wh_;
};

}  // namespace peerwatt::metering
