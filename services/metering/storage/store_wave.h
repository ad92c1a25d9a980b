#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "absl/types/span.h"
#include "libs/postgres/pool.h"
#include "services/metering/core/ports.h"
#include "services/metering/storage/point_numbers.h"

namespace peerwatt::metering {

/// What one transaction has to tell others: spans of metering points that changed.
class ChangeColumns {
 public:
  /// Adds the span from the first to the last stored interval of a series.
  void Add(const Series& series, const CommunityId& community, int64_t first_s, int64_t last_s);
  /// Notes the changes and the highest sequence of each device among the batches.
  void Store(pqxx::work& tx, absl::Span<const AcceptedBatch> batches) const;

 private:
  std::vector<std::string> points_;
  std::vector<std::string> communities_;
  std::vector<int64_t> start_s_;
  std::vector<int64_t> end_s_;
};

/// The readings of some batches, in which none occurs twice, as columns of one statement.
class WaveColumns {
 public:
  explicit WaveColumns(const PointNumberMap& numbers) : numbers_(numbers) {}
  /// Adds all series of a batch; it must outlive this object.
  void Add(const AcceptedBatch& batch);
  /// Stores the readings; their points are locked by `tx`. now: when they are stored.
  /// Adds to `changes` what changed. Returns counts per batch, in the order of adding.
  std::vector<StoredCounts> Store(pqxx::work& tx, absl::Time now, ChangeColumns& changes) const;

 private:
  /// A series by the batch that it is of.
  struct Source {
    size_t batch_no;
    size_t series_no;
  };

  const PointNumberMap& numbers_;
  std::vector<const AcceptedBatch*> batches_;
  std::vector<Source> sources_;
  std::vector<int32_t> series_no_;
  std::vector<int64_t> point_no_;
  std::vector<int64_t> start_s_;
  std::vector<int64_t> import_wh_;
  std::vector<int64_t> export_wh_;
  std::vector<int32_t> quality_;
};

}  // namespace peerwatt::metering
