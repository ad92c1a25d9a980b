#include "services/metering/storage/store_wave.h"

#include <algorithm>
#include <map>

#include "libs/postgres/codec.h"
#include "services/metering/storage/queries.h"

namespace peerwatt::metering {

using postgres::ToSqlArray;

void ChangeColumns::Add(const Series& series, const CommunityId& community, int64_t first_s,
                        int64_t last_s) {
  points_.push_back(series.metering_point.value());
  communities_.push_back(community.value());
  start_s_.push_back(first_s);
  end_s_.push_back(last_s + absl::ToInt64Seconds(series.resolution));
}

void ChangeColumns::Store(pqxx::work& tx, absl::Span<const AcceptedBatch> batches) const {
  std::map<std::string, int64_t> highest;
  for (const AcceptedBatch& batch : batches) {
    if (!batch.batch->device.empty()) {
      int64_t& sequence = highest[batch.batch->device.value()];
      sequence = std::max(sequence, batch.batch->sequence);
    }
  }
  std::vector<std::string> devices;
  std::vector<int64_t> sequences;
  for (const auto& [device, sequence] : highest) {
    devices.push_back(device);
    sequences.push_back(sequence);
  }
  postgres::Exec(tx, kNoteChanges, ToSqlArray(points_), ToSqlArray(communities_),
                 ToSqlArray(start_s_), ToSqlArray(end_s_), ToSqlArray(devices),
                 ToSqlArray(sequences));
}

void WaveColumns::Add(const AcceptedBatch& batch) {
  for (size_t s = 0; s < batch.batch->series.size(); ++s) {
    const Series& series = batch.batch->series[s];
    const size_t count = series.size();
    series_no_.insert(series_no_.end(), count, static_cast<int32_t>(sources_.size()));
    sources_.push_back({batches_.size(), s});
    point_no_.insert(point_no_.end(), count, numbers_.at(series.metering_point));
    const int64_t step_s = absl::ToInt64Seconds(series.resolution);
    int64_t start_s = absl::ToUnixSeconds(series.start);
    for (size_t i = 0; i < count; ++i, start_s += step_s) {
      start_s_.push_back(start_s);
      export_wh_.push_back(series.ExportWhOf(i));
      quality_.push_back(static_cast<int32_t>(series.QualityOf(i)));
    }
    import_wh_.insert(import_wh_.end(), series.import_wh.begin(), series.import_wh.end());
  }
  batches_.push_back(&batch);
}

std::vector<StoredCounts> WaveColumns::Store(pqxx::work& tx, absl::Time now,
                                             ChangeColumns& changes) const {
  const pqxx::result changed = postgres::Exec(
      tx, kStoreReadings, ToSqlArray(series_no_), ToSqlArray(point_no_), ToSqlArray(start_s_),
      ToSqlArray(import_wh_), ToSqlArray(export_wh_), ToSqlArray(quality_), postgres::ToSql(now));
  std::vector<StoredCounts> counts(batches_.size());
  for (const pqxx::row& row : changed) {
    const auto& [batch_no, series_no] = sources_[static_cast<size_t>(postgres::Int64From(row[0]))];
    counts[batch_no].stored += postgres::Int32From(row[1]);
    changes.Add(batches_[batch_no]->batch->series[series_no],
                batches_[batch_no]->communities[series_no], postgres::Int64From(row[2]),
                postgres::Int64From(row[3]));
  }
  for (size_t i = 0; i < batches_.size(); ++i) {
    const auto sent = static_cast<int32_t>(batches_[i]->batch->ReadingCount());
    counts[i].unchanged = sent - counts[i].stored;
  }
  return counts;
}

}  // namespace peerwatt::metering
