#pragma once

#include <cstdint>
#include <vector>

#include "libs/postgres/pool.h"
#include "services/metering/core/ports.h"
#include "services/metering/storage/point_numbers.h"

namespace peerwatt::metering {

/// Readings in PostgreSQL. Safe for many threads.
class PostgresReadingStore final : public ReadingStore {
 public:
  explicit PostgresReadingStore(postgres::Pool& pool) : pool_(pool), numbers_(pool) {}

  absl::StatusOr<std::vector<StoredCounts>> Store(absl::Span<const AcceptedBatch> batches,
                                                  absl::Time now) override;
  absl::StatusOr<int64_t> AcknowledgedSequence(const DeviceId& device) override;
  absl::StatusOr<std::vector<Reading>> List(const ListQuery& query) override;
  absl::StatusOr<ReadingColumns> Columns(const std::vector<MeteringPointId>& points, Interval span,
                                         absl::Duration resolution) override;
  absl::StatusOr<std::vector<Change>> ChangesAfter(int64_t cursor, int32_t limit) override;

 private:
  postgres::Pool& pool_;
  PointNumbers numbers_;
};

}  // namespace peerwatt::metering
