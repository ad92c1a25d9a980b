#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/postgres/pool.h"
#include "services/metering/storage/shard_cache.h"

namespace peerwatt::metering {

/// Reads stored days, one for each key in their order; null where there is none.
/// Errors: kDataLoss.
absl::StatusOr<std::vector<DayPtr>> LoadDays(pqxx::work& tx, const std::vector<DayKey>& keys);

/// Brings the view of a shard to its last committed block: those of other processes, or all after
/// a restart. With `shard.order` held. Errors: kDataLoss; DATABASE_UNAVAILABLE when the database
/// is not the one of before.
absl::Status CatchUp(pqxx::work& tx, int16_t shard_no, Shard& shard);

/// Brings the views of those shards that are behind to their last committed block. Waits for
/// writers of this process where needed, never with a connection in hand: they need one too.
absl::Status CatchUpAll(postgres::Pool& pool, const std::vector<int32_t>& shard_numbers,
                        ShardCache& cache);

}  // namespace peerwatt::metering
