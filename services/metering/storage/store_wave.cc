#include "services/metering/storage/store_wave.h"

#include "libs/postgres/codec.h"
#include "services/metering/storage/queries.h"

namespace peerwatt::metering {

void WaveColumns::Add(const AcceptedBatch& batch) {
  for (size_t s = 0; s < batch.batch->series.size(); ++s) {
    const Series& series = batch.batch->series[s];
    points_.push_back(series.metering_point.value());
    communities_.push_back(batch.communities[s].value());
    const int64_t step_s = absl::ToInt64Seconds(series.resolution);
    resolution_s_.push_back(static_cast<int32_t>(step_s));
    const size_t count = series.size();
    series_no_.insert(series_no_.end(), count, static_cast<int32_t>(points_.size()));
    point_no_.insert(point_no_.end(), count, numbers_.at(series.metering_point));
    int64_t start_s = absl::ToUnixSeconds(series.start);
    for (size_t i = 0; i < count; ++i, start_s += step_s) {
      start_s_.push_back(start_s);
      export_wh_.push_back(series.ExportWhOf(i));
      quality_.push_back(static_cast<int32_t>(series.QualityOf(i)));
    }
    import_wh_.insert(import_wh_.end(), series.import_wh.begin(), series.import_wh.end());
  }
}

std::vector<int32_t> WaveColumns::Store(pqxx::work& tx, absl::Time now,
                                        int32_t& change_count) const {
  using postgres::ToSqlArray;
  const pqxx::result changed = postgres::Exec(
      tx, kStoreReadings, ToSqlArray(series_no_), ToSqlArray(point_no_), ToSqlArray(start_s_),
      ToSqlArray(import_wh_), ToSqlArray(export_wh_), ToSqlArray(quality_), postgres::ToSql(now),
      ToSqlArray(points_), ToSqlArray(communities_), ToSqlArray(resolution_s_), change_count);
  std::vector<int32_t> stored(points_.size(), 0);
  for (const pqxx::row& row : changed) {
    stored[static_cast<size_t>(postgres::Int32From(row[0])) - 1] = postgres::Int32From(row[1]);
  }
  change_count += static_cast<int32_t>(changed.size());
  return stored;
}

}  // namespace peerwatt::metering
