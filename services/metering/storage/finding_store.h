#pragma once

#include <vector>

#include "libs/postgres/pool.h"
#include "services/metering/core/vee/ports.h"

namespace peerwatt::metering {

/// Findings in PostgreSQL. Safe for many threads and many replicas: a step commits only where the
/// validator's row still has the version from which it started.
class PostgresFindingStore final : public FindingStore {
 public:
  explicit PostgresFindingStore(postgres::Pool& pool) : pool_(pool) {}

  absl::StatusOr<FindingCounts> Note(absl::Span<const Finding> findings) override;
  absl::StatusOr<std::vector<Finding>> List(const FindingQuery& query) override;
  absl::StatusOr<ValidatorPosition> Position() override;
  absl::StatusOr<std::vector<PointState>> Points(
      const std::vector<MeteringPointId>& points) override;
  absl::StatusOr<std::vector<PointState>> DuePoints(absl::Time now, int32_t limit) override;
  absl::StatusOr<std::vector<WantedExamination>> Wanted(int32_t limit) override;
  absl::StatusOr<std::optional<FindingCounts>> Commit(const ValidatorStep& step,
                                                      absl::Time now) override;

 private:
  postgres::Pool& pool_;
};

}  // namespace peerwatt::metering
