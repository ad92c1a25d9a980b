#include "services/metering/core/waves.h"

#include <iterator>
#include <map>

#include "absl/container/flat_hash_map.h"

namespace peerwatt::metering {
namespace {

/// Spans that do not overlap, by start.
using Spans = std::map<absl::Time, absl::Time>;

bool Overlaps(const Spans& spans, const Interval& span) {
  const auto next = spans.lower_bound(span.start);
  if (next != spans.end() && next->first < span.end) {
    return true;
  }
  return next != spans.begin() && std::prev(next)->second > span.start;
}

}  // namespace

std::vector<size_t> SplitIntoWaves(absl::Span<const AcceptedBatch> batches) {
  absl::flat_hash_map<MeteringPointId, Spans> taken;
  std::vector<size_t> ends;
  for (size_t i = 0; i < batches.size(); ++i) {
    bool free = true;
    for (const Series& series : batches[i].batch->series) {
      const auto spans = taken.find(series.metering_point);
      free = free && (spans == taken.end() || !Overlaps(spans->second, series.Span()));
    }
    if (!free) {
      ends.push_back(i);
      taken.clear();
    }
    for (const Series& series : batches[i].batch->series) {
      const Interval span = series.Span();
      taken[series.metering_point].emplace(span.start, span.end);
    }
  }
  if (!batches.empty()) {
    ends.push_back(batches.size());
  }
  return ends;
}

}  // namespace peerwatt::metering
