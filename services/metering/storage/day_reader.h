#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/postgres/pool.h"
#include "services/metering/storage/shard_cache.h"

namespace peerwatt::metering {

/// The days of one metering point, from the views of its shard and from storage. Make one after
/// the shard has been caught up: it then shows everything that was acknowledged before.
class DayReader {
 public:
  /// pool, cache: outlive this object.
  DayReader(postgres::Pool& pool, const ShardCache& cache, int64_t point_no)
      : pool_(pool), shard_(cache.shard(ShardOf(point_no))), point_no_(point_no) {}

  /// The first and the last day on which the point can have readings; nothing without any.
  absl::StatusOr<std::optional<std::pair<int32_t, int32_t>>> Bounds();
  /// Days in a span, in their order. Errors: kDataLoss; DATABASE_UNAVAILABLE.
  absl::StatusOr<std::vector<std::pair<DayKey, DayPtr>>> Days(int32_t first_day,
                                                              int32_t last_day);

 private:
  postgres::Pool& pool_;
  const Shard& shard_;
  const int64_t point_no_;
};

}  // namespace peerwatt::metering
