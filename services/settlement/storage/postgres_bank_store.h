#pragma once

#include <string>
#include <vector>

#include "libs/postgres/pool.h"
#include "services/settlement/core/payments/bank_file.h"
#include "services/settlement/storage/ledger_cache.h"

namespace peerwatt::settlement {

/// Keeps files for the bank and its statements in PostgreSQL. A file and the payments in it, and a
/// statement and the money that it moves, land in one transaction.
class PostgresBankStore final : public BankStore {
 public:
  PostgresBankStore(postgres::Pool& pool, LedgerCache& cache, const FileWriters& writers)
      : pool_(pool), cache_(cache), writers_(writers) {}

  absl::StatusOr<PaymentFile> CreateFile(const PaymentFile& wanted, absl::Time now) override;
  absl::StatusOr<PaymentFile> GetFile(const CommunityId& community,
                                      const std::string& id) override;
  absl::StatusOr<std::vector<PaymentFile>> ListFiles(const CommunityId& community,
                                                     const std::string& after,
                                                     int32_t limit) override;
  absl::StatusOr<std::vector<KeptStatement>> Import(const CommunityId& community,
                                                    const std::vector<NewStatement>& statements,
                                                    absl::Time now) override;
  absl::StatusOr<std::vector<KeptStatement>> ListStatements(const CommunityId& community,
                                                            const std::string& after,
                                                            int32_t limit) override;
  absl::StatusOr<std::vector<BankFinding>> ListFindings(const CommunityId& community,
                                                        const std::string& after,
                                                        int32_t limit) override;

 private:
  postgres::Pool& pool_;
  LedgerCache& cache_;
  const FileWriters writers_;
};

}  // namespace peerwatt::settlement
