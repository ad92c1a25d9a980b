#pragma once

#include <vector>

#include "libs/postgres/pool.h"
#include "services/settlement/core/ledger/reader.h"
#include "services/settlement/storage/ledger_cache.h"

namespace peerwatt::settlement {

/// Reads accounts from PostgreSQL: their rows and pages for what is folded, and for what is not the
/// tail that the process keeps, with what others posted meanwhile.
class LedgerReader final : public ledger::Reader {
 public:
  LedgerReader(postgres::Pool& pool, LedgerCache& cache) : pool_(pool), cache_(cache) {}

  absl::StatusOr<ledger::AccountState> GetAccount(const CommunityId& community,
                                                  const AccountId& account) override;
  absl::StatusOr<std::vector<ledger::AccountState>> ListAccounts(const CommunityId& community,
                                                                 const AccountId& after,
                                                                 int32_t limit) override;
  absl::StatusOr<ledger::BalanceAsOf> GetBalance(const CommunityId& community,
                                                 const AccountId& account,
                                                 int64_t entry_number) override;
  absl::StatusOr<int64_t> EntryAt(const CommunityId& community, absl::Time time) override;
  absl::StatusOr<std::vector<PostedEntry>> ListEntries(const CommunityId& community,
                                                       const AccountId& account, int64_t after,
                                                       int32_t limit) override;

 private:
  postgres::Pool& pool_;
  LedgerCache& cache_;
};

/// Reads an entry with the ids of its accounts.
PostedEntry EntryFrom(const pqxx::row& row);

}  // namespace peerwatt::settlement
