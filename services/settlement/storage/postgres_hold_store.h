#pragma once

#include <string>
#include <vector>

#include "libs/postgres/pool.h"
#include "services/settlement/core/stores.h"
#include "services/settlement/storage/ledger_cache.h"

namespace peerwatt::settlement {

/// Keeps holds in PostgreSQL. The ledger is locked before its accounts are looked at,
/// so that two holds never use the same money.
class PostgresHoldStore final : public HoldStore {
 public:
  PostgresHoldStore(postgres::Pool& pool, LedgerCache& cache) : pool_(pool), cache_(cache) {}

  absl::StatusOr<std::vector<std::string>> CreateHolds(
      const CommunityId& community, absl::Time period_start,
      const std::vector<HoldRequest>& requests) override;
  absl::StatusOr<std::vector<std::string>> CheckHolds(
      const CommunityId& community, absl::Time period_start,
      const std::vector<HoldRequest>& requests) override;
  absl::Status ReduceHolds(const CommunityId& community, absl::Time period_start,
                           const std::vector<HoldReduction>& reductions) override;

 private:
  /// Keeps all holds by one statement when what the process knows of the ledger says that each is
  /// new and stands, as nearly always, and the ledger is still so. Returns false when it kept none:
  /// then the ledger needs a look.
  absl::StatusOr<bool> HoldAll(const CommunityId& community, absl::Time period_start,
                               const std::vector<HoldRequest>& requests);

  postgres::Pool& pool_;
  LedgerCache& cache_;
};

}  // namespace peerwatt::settlement
