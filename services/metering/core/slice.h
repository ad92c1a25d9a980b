#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "services/metering/core/block.h"
#include "services/metering/core/day.h"
#include "services/metering/core/series.h"

namespace peerwatt::metering {

/// Consecutive values of a series that lie on one UTC day.
struct Slice {
  const Series* series = nullptr;
  size_t first = 0;  ///< Index of the first value in the series.
  size_t count = 0;
  DayKey key;
  size_t slot = 0;  ///< Interval of the day in which the first value lies.
};

/// What writing a slice did.
struct SliceResult {
  int32_t stored = 0;
  size_t first_stored = 0;  ///< Index in the series; of no meaning when nothing was stored.
  size_t last_stored = 0;
};

/// Cuts a series at UTC midnights and calls `sink` for each slice.
template <typename Sink>
void ForEachSlice(const Series& series, int64_t point_no, Sink&& sink) {
  const int64_t resolution_s = absl::ToInt64Seconds(series.resolution);
  const int64_t start_s = absl::ToUnixSeconds(series.start);
  for (size_t first = 0; first < series.size();) {
    const int64_t at_s = start_s + static_cast<int64_t>(first) * resolution_s;
    const int64_t day = at_s >= 0 ? at_s / kDaySeconds : -((kDaySeconds - 1 - at_s) / kDaySeconds);
    const size_t slot = static_cast<size_t>((at_s - day * kDaySeconds) / resolution_s);
    const size_t slot_count = static_cast<size_t>(kDaySeconds / resolution_s);
    const size_t count = std::min(slot_count - slot, series.size() - first);
    sink(Slice{.series = &series,
               .first = first,
               .count = count,
               .key = {static_cast<int32_t>(day), point_no, static_cast<int32_t>(resolution_s)},
               .slot = slot});
    first += count;
  }
}

/// Puts the new values of one day into its block: those that follow each other and came to be in
/// the same way as one entry, also when they came in many slices.
class RunWriter {
 public:
  /// Both must outlive this object.
  RunWriter(const DayKey& key, BlockWriter& block) : key_(key), block_(block) {}
  RunWriter(const RunWriter&) = delete;
  RunWriter& operator=(const RunWriter&) = delete;
  ~RunWriter() { Flush(); }

  /// Adds the value of an interval. Energies in watt hours.
  void Add(size_t slot, int32_t import_wh, int32_t export_wh, const Provenance& provenance);
  /// Adds consecutive values as an entry of their own. exports: as many, or none when all are 0.
  void AddAll(size_t slot, const Provenance& provenance, absl::Span<const int32_t> imports,
              absl::Span<const int32_t> exports);

 private:
  void Flush();

  const DayKey& key_;
  BlockWriter& block_;
  size_t first_slot_ = 0;
  Provenance provenance_;
  bool has_export_ = false;
  std::vector<int32_t> imports_;
  std::vector<int32_t> exports_;
};

/// Writes a slice into its day and hands on what was new of it.
/// runs: of the slice's day.
SliceResult WriteSlice(const Slice& slice, int64_t created_us, Day& day, RunWriter& runs);

}  // namespace peerwatt::metering
