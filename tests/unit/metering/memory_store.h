#pragma once

#include <cstdint>
#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "services/metering/core/ingest.h"
#include "services/metering/core/ports.h"
#include "services/metering/formats/reading_import.h"

namespace peerwatt::metering::testing {

/// Readings in memory: the highest revision of each.
class MemoryStore final : public ReadingStore {
 public:
  using Key = std::pair<std::string, absl::Time>;

  absl::StatusOr<std::vector<StoredCounts>> Store(absl::Span<const AcceptedBatch> batches,
                                                  absl::Time now) override {
    if (!failure.ok()) {
      return failure;
    }
    std::vector<StoredCounts> counts;
    for (const AcceptedBatch& batch : batches) {
      StoredCounts& count = counts.emplace_back();
      batch_sizes.push_back(batch.batch->ReadingCount());
      for (const Series& series : batch.batch->series) {
        for (size_t i = 0; i < series.size(); ++i) {
          const Reading reading{.start = series.StartOf(i),
                                .imported = Energy::WattHours(series.import_wh[i]),
                                .exported = Energy::WattHours(series.ExportWhOf(i)),
                                .quality = series.QualityOf(i),
                                .revision = 1,
                                .created_at = now,
                                .method = series.method};
          Reading& known = readings[{series.metering_point.value(), reading.start}];
          const bool same = known.revision > 0 && known.imported == reading.imported &&
                            known.exported == reading.exported && known.quality == reading.quality;
          ++(same ? count.unchanged : count.stored);
          if (!same) {
            const int32_t revision = known.revision + 1;
            known = reading;
            known.revision = revision;
          }
        }
      }
    }
    return counts;
  }
  absl::StatusOr<int64_t> AcknowledgedSequence(const DeviceId& /*device*/) override { return 0; }
  absl::StatusOr<std::vector<Reading>> List(const ListQuery& query) override {
    std::vector<Reading> found;
    for (const auto& [key, reading] : readings) {
      if (key.first == query.metering_point.value()) {
        found.push_back(reading);
      }
    }
    return found;
  }
  absl::StatusOr<ReadingColumns> Columns(const std::vector<MeteringPointId>& points, Interval span,
                                         absl::Duration resolution) override {
    ReadingColumns answer;
    for (const MeteringPointId& point : points) {
      ReadingColumn& column = answer.columns.emplace_back();
      for (absl::Time start = span.start; start < span.end; start += resolution) {
        const auto found = readings.find({point.value(), start});
        const Reading reading = found == readings.end() ? Reading() : found->second;
        column.import_wh.push_back(reading.imported.wh());
        column.export_wh.push_back(reading.exported.wh());
        column.qualities.push_back(reading.quality);
        column.revisions.push_back(reading.revision);
      }
    }
    return answer;
  }
  absl::StatusOr<std::optional<Reading>> Latest(const MeteringPointId& point) override {
    const auto after = readings.lower_bound({point.value(), absl::InfiniteFuture()});
    if (after == readings.begin() || std::prev(after)->first.first != point.value()) {
      return std::optional<Reading>();
    }
    return std::optional<Reading>(std::prev(after)->second);
  }
  absl::StatusOr<std::vector<Change>> ChangesAfter(int64_t /*cursor*/,
                                                   int32_t /*limit*/) override {
    return std::vector<Change>();
  }

  absl::Status failure;
  std::map<Key, Reading> readings;
  std::vector<size_t> batch_sizes;  ///< Of what was stored, in order.
};

/// Judges and stores at once.
class DirectLane final : public BatchLane {
 public:
  DirectLane(MemberDirectory& directory, ReadingStore& store, absl::Time now)
      : ingest_(directory, store), now_(now) {}
  void Start(Batch batch) override {
    const IngestRequest request{.lane = 1, .batch = &batch};
    outcome_ = ingest_.Run({&request, 1}, now_)[0];
  }
  BatchOutcome Wait() override { return outcome_; }

 private:
  Ingest ingest_;
  const absl::Time now_;
  BatchOutcome outcome_;
};

}  // namespace peerwatt::metering::testing
