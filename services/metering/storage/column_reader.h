#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/domain/interval.h"
#include "libs/postgres/pool.h"
#include "services/metering/core/ports.h"
#include "services/metering/storage/point_numbers.h"
#include "services/metering/storage/shard_cache.h"

namespace peerwatt::metering {

/// The present values of many points in a span on the grid, a column for each in their order, when
/// the shards have been caught up. Only the intervals asked leave the database.
/// Errors: kDataLoss; DATABASE_UNAVAILABLE.
absl::StatusOr<std::vector<ReadingColumn>> ReadColumns(postgres::Pool& pool,
                                                       const ShardCache& cache,
                                                       const std::vector<int64_t>& points,
                                                       Interval span, absl::Duration resolution);

}  // namespace peerwatt::metering
