#include "services/metering/formats/file_batch.h"

#include <algorithm>
#include <numeric>
#include <tuple>
#include <utility>

namespace peerwatt::metering {
namespace {

void Append(const FileReading& reading, Series& series) {
  series.import_wh.push_back(reading.import_wh.value_or(0));
  series.export_wh.push_back(reading.export_wh.value_or(0));
  series.qualities.push_back(reading.quality);
}

/// How many readings, from the first one on, do not overlap with each other; at least one.
/// order: their places by point and time.
size_t CountWithoutOverlap(const std::vector<FileReading>& readings,
                           const std::vector<size_t>& order) {
  size_t count = readings.size();
  for (bool again = true; again;) {
    again = false;
    const FileReading* last = nullptr;
    size_t last_place = 0;
    for (const size_t place : order) {
      const FileReading& reading = readings[place];
      if (place >= count) {
        continue;
      }
      if (last != nullptr && last->point == reading.point &&
          reading.interval.start < last->interval.end) {
        // The later one of the two begins the next batch.
        count = std::max(place, last_place);
        again = true;
        continue;
      }
      last = &reading;
      last_place = place;
    }
  }
  return count;
}

}  // namespace

Series SeriesOf(const FileReading& reading) {
  Series series{.metering_point = MeteringPointId(reading.point),
                .start = reading.interval.start,
                .resolution = reading.interval.length(),
                .import_wh = {},
                .export_wh = {},
                .qualities = {},
                .method = reading.method};
  Append(reading, series);
  return series;
}

std::vector<MeteringPointId> PointsOf(const std::vector<FileReading>& readings) {
  std::vector<MeteringPointId> points;
  for (const FileReading& reading : readings) {
    if (points.empty() || points.back().value() != reading.point) {
      points.emplace_back(reading.point);
    }
  }
  std::sort(points.begin(), points.end());
  points.erase(std::unique(points.begin(), points.end()), points.end());
  return points;
}

FileBatch TakeBatch(std::vector<FileReading>& readings) {
  std::vector<size_t> order(readings.size());
  std::iota(order.begin(), order.end(), size_t{0});
  const auto before = [&readings](size_t a, size_t b) {
    return std::tie(readings[a].point, readings[a].interval.start, a) <
           std::tie(readings[b].point, readings[b].interval.start, b);
  };
  if (!std::is_sorted(order.begin(), order.end(), before)) {
    std::sort(order.begin(), order.end(), before);
  }
  const size_t count = CountWithoutOverlap(readings, order);
  FileBatch taken;
  taken.readings.reserve(count);
  for (const size_t i : order) {
    if (i >= count) {
      continue;
    }
    FileReading& reading = readings[i];
    const FileReading* last = taken.readings.empty() ? nullptr : &taken.readings.back();
    if (last == nullptr || last->point != reading.point ||
        reading.interval.start != last->interval.end ||
        reading.interval.length() != last->interval.length() || reading.method != last->method) {
      taken.batch.series.push_back(SeriesOf(reading));
    } else {
      Append(reading, taken.batch.series.back());
    }
    taken.readings.push_back(std::move(reading));
  }
  readings.erase(readings.begin(), readings.begin() + static_cast<std::ptrdiff_t>(count));
  return taken;
}

}  // namespace peerwatt::metering
