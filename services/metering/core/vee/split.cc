#include "services/metering/core/vee/split.h"

#include <algorithm>

namespace peerwatt::metering {
namespace {

std::vector<int64_t> SplitColumn(const std::vector<int64_t>& values, int64_t parts) {
  std::vector<int64_t> column;
  column.reserve(values.size() * static_cast<size_t>(parts));
  for (const int64_t value : values) {
    const std::vector<int64_t> split = SplitWithCarry(value, parts);
    column.insert(column.end(), split.begin(), split.end());
  }
  return column;
}

}  // namespace

std::vector<int64_t> SplitWithCarry(int64_t energy_wh, int64_t parts) {
  std::vector<int64_t> values;
  values.reserve(static_cast<size_t>(parts));
  int64_t carried = 0;
  for (int64_t i = 1; i <= parts; ++i) {
    const int64_t total = (2 * energy_wh * i + parts) / (2 * parts);
    values.push_back(total - carried);
    carried = total;
  }
  return values;
}

bool IsSplittable(absl::Duration resolution, absl::Duration interval) {
  return resolution >= interval && resolution <= std::max(kSplitMax, interval) &&
         resolution % interval == absl::ZeroDuration();
}

Series SplitSeries(const Series& series, absl::Duration interval) {
  const int64_t parts = series.resolution / interval;
  Series split{.metering_point = series.metering_point,
               .start = series.start,
               .resolution = interval,
               .import_wh = SplitColumn(series.import_wh, parts),
               .export_wh = SplitColumn(series.export_wh, parts),
               .qualities = {},
               .method = series.method == Method::kNone ? Method::kSplit : series.method};
  if (series.qualities.size() <= 1) {
    split.qualities = {std::max(series.QualityOf(0), Quality::kCalculated)};
    return split;
  }
  for (const Quality quality : series.qualities) {
    split.qualities.insert(split.qualities.end(), static_cast<size_t>(parts),
                           std::max(quality, Quality::kCalculated));
  }
  return split;
}

}  // namespace peerwatt::metering
