#pragma once

#include <string>
#include <vector>

#include "libs/postgres/pool.h"
#include "services/settlement/core/stores.h"
#include "services/settlement/storage/ledger_cache.h"

namespace peerwatt::settlement {

/// Keeps deposits in PostgreSQL; a confirmed one and its entry land in one transaction.
class PostgresDepositStore final : public DepositStore {
 public:
  PostgresDepositStore(postgres::Pool& pool, LedgerCache& cache) : pool_(pool), cache_(cache) {}

  absl::StatusOr<Deposit> InsertDeposit(const Deposit& deposit) override;
  absl::StatusOr<Deposit> FinishDeposit(const Deposit& deposit, ChargeOutcome outcome,
                                        absl::Time now) override;
  absl::StatusOr<Deposit> GetDeposit(const CommunityId& community,
                                     const ParticipantId& participant,
                                     const std::string& id) override;
  absl::StatusOr<std::vector<Deposit>> ListPendingDeposits() override;

 private:
  postgres::Pool& pool_;
  LedgerCache& cache_;
};

}  // namespace peerwatt::settlement
