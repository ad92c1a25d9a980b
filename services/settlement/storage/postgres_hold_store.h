#pragma once

#include <string>
#include <vector>

#include "libs/postgres/pool.h"
#include "services/settlement/core/stores.h"

namespace peerwatt::settlement {

/// Keeps holds in PostgreSQL. Accounts are locked in the order of their ids before they are read,
/// so that two holds never use the same money.
class PostgresHoldStore final : public HoldStore {
 public:
  explicit PostgresHoldStore(postgres::Pool& pool) : pool_(pool) {}

  absl::StatusOr<std::vector<std::string>> CreateHolds(
      const CommunityId& community, absl::Time period_start,
      const std::vector<HoldRequest>& requests) override;
  absl::StatusOr<std::vector<std::string>> CheckHolds(
      const CommunityId& community, absl::Time period_start,
      const std::vector<HoldRequest>& requests) override;
  absl::Status ReduceHolds(const CommunityId& community, absl::Time period_start,
                           const std::vector<HoldReduction>& reductions) override;

 private:
  postgres::Pool& pool_;
};

}  // namespace peerwatt::settlement
