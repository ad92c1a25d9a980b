#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "libs/postgres/pool.h"
#include "services/metering/core/ports.h"
#include "services/metering/storage/point_numbers.h"

namespace peerwatt::metering {

/// The parameters of one storing statement: the readings of some batches as columns.
class WaveColumns {
 public:
  explicit WaveColumns(const PointNumberMap& numbers) : numbers_(numbers) {}
  /// Adds all series of a batch.
  void Add(const AcceptedBatch& batch);
  /// Stores the readings; their points are locked by `tx`. now: when they are stored.
  /// change_count: changes noted in this transaction; moved on.
  /// Returns the number of stored readings per series, in the order in which they were added.
  std::vector<int32_t> Store(pqxx::work& tx, absl::Time now, int32_t& change_count) const;

 private:
  const PointNumberMap& numbers_;
  std::vector<int32_t> series_no_;
  std::vector<int64_t> point_no_;
  std::vector<int64_t> start_s_;
  std::vector<int64_t> import_wh_;
  std::vector<int64_t> export_wh_;
  std::vector<int32_t> quality_;
  std::vector<std::string> points_;
  std::vector<std::string> communities_;
  std::vector<int32_t> resolution_s_;
};

}  // namespace peerwatt::metering
