#pragma once

#include <atomic>
#include <vector>

#include "libs/base/clock.h"
#include "libs/postgres/pool.h"
#include "services/settlement/core/ledger/transfers.h"
#include "services/settlement/storage/ledger_cache.h"
#include "services/settlement/storage/ledger_session.h"

namespace peerwatt::settlement {

/// Decides transfers in a transaction that has the ledger for itself, and writes what was decided.
/// transfers: their hashes are made here. Returns a result each.
std::vector<ledger::TransferResult> CreateTransfers(pqxx::work& tx, LedgerSession& ledger,
                                                    const CommunityId& community,
                                                    const LedgerCache& cache,
                                                    std::vector<ledger::Transfer> transfers);

/// Keeps transfers in PostgreSQL. Whether a key is known is not asked as long as all are new: the
/// journal's own key refuses what is there, and then, or when anything is refused, it is looked at.
class PostgresTransferStore final : public ledger::TransferStore {
 public:
  PostgresTransferStore(postgres::Pool& pool, LedgerCache& cache, const Clock& clock)
      : pool_(pool), cache_(cache), clock_(clock) {}

  absl::StatusOr<std::vector<ledger::TransferResult>> Create(const CommunityId& community,
                                                             const Calls& calls) override;
  absl::Status OpenAccounts(const CommunityId& community,
                            const std::vector<ledger::AccountOpening>& accounts) override;
  absl::Status ExpireDue() override;

 private:
  absl::StatusOr<std::vector<ledger::TransferResult>> CreateOnce(const CommunityId& community,
                                                                 const Calls& calls,
                                                                 bool asks_for_keys);

  postgres::Pool& pool_;
  LedgerCache& cache_;
  const Clock& clock_;
  // Transactions that ask for keys at once, since one came that met a known key.
  std::atomic<int> careful_ = 0;
};

}  // namespace peerwatt::settlement
