#include "services/metering/core/forecast/load_model.h"

#include <algorithm>

#include "libs/domain/arithmetic.h"

namespace peerwatt::metering {
namespace {

constexpr int64_t kWeightOfLatestDay = int64_t{1} << 24;
/// Of a value that was estimated, against that of one that was measured.
constexpr int64_t kMeasuredWeight = 2;
constexpr int64_t kEstimatedWeight = 1;

/// Median of values that are not empty; of an even number, the mean of the middle two.
int64_t MedianOf(std::vector<int64_t>& values) {
  std::sort(values.begin(), values.end());
  const size_t middle = values.size() / 2;
  return values.size() % 2 == 1
             ? values[middle]
             : MulDiv(values[middle - 1] + values[middle], 1, 2, Rounding::kHalfEven);
}

}  // namespace

LoadModel::LoadModel(const History& history, absl::Duration resolution,
                     const LoadWeights& weights)
    : history_(history), resolution_(resolution), weights_(weights) {
  const size_t rows = history.calendar.day_count();
  weight_of_row_.assign(rows, 0);
  int64_t weight = kWeightOfLatestDay;
  for (size_t age = 0; age < rows && weight > 0; ++age) {
    weight_of_row_[rows - 1 - age] = weight;
    weight = weight * weights.decay_eighths / 8;
  }
}

std::optional<int64_t> LoadModel::Median(const LocalSlot& target, size_t rows) {
  samples_.clear();
  int64_t total = 0;
  for (size_t row = 0; row < rows; ++row) {
    size_t interval = 0;
    if (!history_.Find(row, target.slot, interval)) {
      continue;
    }
    const LocalSlot source{.day = history_.calendar.DayOf(row), .slot = target.slot};
    const int64_t kind =
        source.IsWeekend() == target.IsWeekend() ? 4 : weights_.other_kind_quarters;
    const int64_t quality = history_.qualities[interval] == Quality::kEstimated ? kEstimatedWeight
                                                                               : kMeasuredWeight;
    const int64_t weight = weight_of_row_[row] * kind * quality;
    samples_.push_back({history_.energy_wh[interval], weight});
    total += weight;
  }
  if (samples_.empty()) {
    return std::nullopt;
  }
  std::sort(samples_.begin(), samples_.end(),
            [](const Sample& a, const Sample& b) { return a.energy_wh < b.energy_wh; });
  int64_t below = 0;
  for (const Sample& sample : samples_) {
    below += sample.weight;
    if (2 * below >= total) {
      return sample.energy_wh;
    }
  }
  return samples_.back().energy_wh;
}

int64_t LoadModel::Level() {
  const std::vector<LocalSlot>& slots = history_.calendar.slots();
  const size_t window = static_cast<size_t>(weights_.level_window / resolution_);
  size_t end = slots.size();
  while (end > 0 && !history_.IsKnown(end - 1)) {
    --end;
  }
  std::vector<int64_t> differences;
  for (size_t i = end - std::min(end, window); i < end; ++i) {
    if (!history_.IsKnown(i)) {
      continue;
    }
    const std::optional<int64_t> expected = Median(slots[i], history_.calendar.RowOf(i));
    if (expected.has_value()) {
      differences.push_back(history_.energy_wh[i] - *expected);
    }
  }
  return differences.empty() ? 0 : MedianOf(differences);
}

std::optional<int64_t> LoadModel::At(const LocalSlot& target, absl::Duration lead) {
  const std::optional<int64_t> usual = Median(target, history_.calendar.day_count());
  if (!usual.has_value() || lead >= weights_.level_fade) {
    return usual;
  }
  if (!level_wh_.has_value()) {
    level_wh_ = Level();
  }
  const int64_t left_s = absl::ToInt64Seconds(weights_.level_fade - lead);
  const int64_t whole_s = absl::ToInt64Seconds(weights_.level_fade);
  const int64_t correction = MulDiv(*level_wh_, weights_.level_percent * left_s, 100 * whole_s,
                                    Rounding::kHalfEven);
  return std::max<int64_t>(0, *usual + correction);
}

}  // namespace peerwatt::metering
