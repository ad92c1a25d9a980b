#include "services/metering/storage/day_reader.h"

#include <algorithm>
#include <map>

#include "libs/base/status_macros.h"
#include "libs/postgres/codec.h"
#include "services/metering/core/day_codec.h"
#include "services/metering/storage/queries.h"

namespace peerwatt::metering {

using postgres::BytesFrom;
using postgres::Int32From;

absl::StatusOr<std::optional<std::pair<int32_t, int32_t>>> DayReader::Bounds() {
  std::optional<std::pair<int32_t, int32_t>> bounds;
  const auto here = shard_.FindAll(point_no_, INT32_MIN, INT32_MAX);
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    bounds.reset();
    const pqxx::result row = postgres::Exec(tx, kSelectDayBounds, ShardOf(point_no_));
    if (!row[0][0].is_null()) {
      bounds.emplace(Int32From(row[0][0]), Int32From(row[0][1]));
    }
    return absl::OkStatus();
  }));
  for (const auto& [key, day] : here) {
    bounds = bounds.value_or(std::pair(key.day, key.day));
    bounds->first = std::min(bounds->first, key.day);
    bounds->second = std::max(bounds->second, key.day);
  }
  return bounds;
}

absl::StatusOr<std::vector<std::pair<DayKey, DayPtr>>> DayReader::Days(int32_t first_day,
                                                                       int32_t last_day) {
  // First what is here: what goes from here meanwhile is in storage when that is read after it.
  std::map<DayKey, DayPtr> here;
  for (auto& [key, day] : shard_.FindAll(point_no_, first_day, last_day)) {
    here.emplace(key, std::move(day));
  }
  std::map<DayKey, DayPtr> days;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) -> absl::Status {
    days = here;
    for (const pqxx::row& row : postgres::Exec(tx, kSelectPointDays, ShardOf(point_no_),
                                               point_no_, first_day, last_day)) {
      const DayKey key{Int32From(row[0]), point_no_, Int32From(row[1])};
      if (days.contains(key)) {
        continue;
      }
      PW_ASSIGN_OR_RETURN(Day day, DayCodec::Unpack(key.SlotCount(), BytesFrom(row[3]),
                                                    BytesFrom(row[4]), BytesFrom(row[5])));
      days.emplace(key, std::make_shared<const Day>(std::move(day)));
    }
    return absl::OkStatus();
  }));
  return std::vector<std::pair<DayKey, DayPtr>>(days.begin(), days.end());
}

}  // namespace peerwatt::metering
