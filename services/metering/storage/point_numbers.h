#pragma once

#include <cstdint>
#include <mutex>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "libs/domain/ids.h"
#include "libs/postgres/pool.h"

namespace peerwatt::metering {

/// In a list of numbers: of a point that has none.
inline constexpr int64_t kNobody = -1;

using PointNumberMap = absl::flat_hash_map<MeteringPointId, int64_t>;

/// Numbers of metering points, remembered: a number never changes. Safe for many threads.
class PointNumbers {
 public:
  explicit PointNumbers(postgres::Pool& pool) : pool_(pool) {}
  /// The numbers of those points that have one. points: duplicates are allowed.
  absl::StatusOr<PointNumberMap> Find(const std::vector<MeteringPointId>& points);
  /// The number of each point in their order, `kNobody` for those that have none.
  absl::StatusOr<std::vector<int64_t>> FindEach(const std::vector<MeteringPointId>& points);
  /// The numbers of all these points; those without one get theirs, in a transaction of its own,
  /// so that no lock on a row is held while waiting for another writer's new one.
  absl::StatusOr<PointNumberMap> FindOrMake(const std::vector<MeteringPointId>& points);
  /// The points that have these numbers, in their order; empty ids where a number is nobody's.
  absl::StatusOr<std::vector<MeteringPointId>> NamesOf(const std::vector<int64_t>& numbers);
  /// Forgets everything, as when the database turns out to be another one.
  void Clear();

 private:
  /// Fills what is remembered into `found` and returns the rest, sorted, each once.
  std::vector<std::string> Remembered(const std::vector<MeteringPointId>& points,
                                      PointNumberMap& found) const;
  absl::Status Load(const std::vector<std::string>& ids, bool make, PointNumberMap& found);

  postgres::Pool& pool_;
  mutable std::mutex mutex_;
  PointNumberMap numbers_;
  absl::flat_hash_map<int64_t, MeteringPointId> names_;
};

}  // namespace peerwatt::metering
