#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "libs/postgres/pool.h"
#include "services/settlement/core/reconciliation/reconciler.h"

namespace peerwatt::settlement {

/// How much one look reads of each part, in rows.
struct ReconciliationSizes {
  int64_t entries = 100'000;
  int64_t new_slices = 10;  ///< of entries that are new
  int32_t accounts = 100'000;
  int32_t keys = 100'000;
  int64_t lines = 200'000;
};

/// Checks the books in PostgreSQL by statements of its own: it shares nothing with those that
/// write, and looks at one instant (REPEATABLE READ) of the database.
class PostgresReconciliationStore final : public reconciliation::Store {
 public:
  explicit PostgresReconciliationStore(postgres::Pool& pool, ReconciliationSizes sizes = {})
      : pool_(pool), sizes_(sizes) {}

  absl::StatusOr<reconciliation::Report> Look(const CommunityId& community,
                                              const reconciliation::Plan& plan) override;
  absl::StatusOr<std::vector<CommunityId>> ListUnchecked() override;
  absl::StatusOr<std::vector<reconciliation::ListedFinding>> ListFindings(
      const CommunityId& community, int64_t after, int32_t limit, bool open_only) override;
  absl::StatusOr<reconciliation::Status> GetStatus(const CommunityId& community) override;
  absl::StatusOr<std::map<reconciliation::Check, int64_t>> CountOpen() override;
  absl::StatusOr<std::optional<absl::Time>> OldestRun() override;

 private:
  postgres::Pool& pool_;
  const ReconciliationSizes sizes_;
};

}  // namespace peerwatt::settlement
