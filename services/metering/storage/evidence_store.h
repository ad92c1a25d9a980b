#pragma once

#include <vector>

#include "libs/postgres/pool.h"
#include "services/metering/core/evidence/ports.h"

namespace peerwatt::metering {

/// Signed batches in PostgreSQL. Safe for many threads: writers of one device's chain wait for each
/// other, so a counter is decided about once.
class PostgresEvidenceStore final : public EvidenceStore {
 public:
  explicit PostgresEvidenceStore(postgres::Pool& pool) : pool_(pool) {}

  absl::StatusOr<std::vector<absl::StatusOr<ChainDecision>>> Keep(
      absl::Span<const SignedBatch> batches, absl::Time now) override;
  absl::StatusOr<std::vector<SignedBatch>> List(const SignedBatchQuery& query) override;

 private:
  postgres::Pool& pool_;
};

}  // namespace peerwatt::metering
