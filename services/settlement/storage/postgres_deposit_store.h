#pragma once

#include <string>
#include <vector>

#include "libs/postgres/pool.h"
#include "services/settlement/core/stores.h"

namespace peerwatt::settlement {

/// Keeps deposits in PostgreSQL; a confirmed one and its entry land in one transaction.
class PostgresDepositStore final : public DepositStore {
 public:
  explicit PostgresDepositStore(postgres::Pool& pool) : pool_(pool) {}

  absl::StatusOr<Deposit> InsertDeposit(const Deposit& deposit) override;
  absl::StatusOr<Deposit> FinishDeposit(const Deposit& deposit, ChargeOutcome outcome,
                                        absl::Time now) override;
  absl::StatusOr<Deposit> GetDeposit(const CommunityId& community,
                                     const ParticipantId& participant,
                                     const std::string& id) override;
  absl::StatusOr<std::vector<Deposit>> ListPendingDeposits() override;

 private:
  postgres::Pool& pool_;
};

}  // namespace peerwatt::settlement
