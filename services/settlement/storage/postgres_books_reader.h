#pragma once

#include <optional>
#include <vector>

#include <pqxx/pqxx>

#include "libs/postgres/pool.h"
#include "services/settlement/core/books.h"
#include "services/settlement/storage/ledger_cache.h"

namespace peerwatt::settlement {

/// Reads a line of a bill, with all its columns.
PostedBillLine BillLineFrom(const pqxx::row& row);

/// Reads the books from PostgreSQL.
class PostgresBooksReader final : public BooksReader {
 public:
  PostgresBooksReader(postgres::Pool& pool, LedgerCache& cache) : pool_(pool), cache_(cache) {}

  absl::StatusOr<LedgerHead> GetHead(const CommunityId& community) override;
  absl::StatusOr<std::optional<Account>> FindAccount(const CommunityId& community,
                                                     const AccountId& account) override;
  absl::StatusOr<std::vector<Account>> ListAccounts(const CommunityId& community,
                                                    const AccountId& after,
                                                    int32_t limit) override;
  absl::StatusOr<std::vector<PostedEntry>> ListEntries(const CommunityId& community,
                                                       const AccountId& account, int64_t after,
                                                       int32_t limit) override;
  absl::StatusOr<TrialBalance> GetTrialBalance(const CommunityId& community) override;
  absl::StatusOr<Money> ImbalanceOfAll() override;
  absl::StatusOr<int64_t> CountPriceMissing() override;
  absl::StatusOr<std::optional<SettledPeriod>> FindPeriod(const CommunityId& community,
                                                          absl::Time period_start) override;
  absl::StatusOr<std::vector<SettledPeriod>> ListPeriods(const CommunityId& community,
                                                         const OptionalSpan& span,
                                                         std::optional<absl::Time> after,
                                                         int32_t limit) override;
  absl::StatusOr<std::vector<PostedBillLine>> ListLines(const CommunityId& community,
                                                        const ParticipantId& participant,
                                                        const OptionalSpan& span,
                                                        const std::optional<LinePosition>& after,
                                                        int32_t limit) override;
  absl::StatusOr<std::vector<BillItem>> SumLines(const CommunityId& community,
                                                 const ParticipantId& participant,
                                                 const OptionalSpan& span) override;

 private:
  postgres::Pool& pool_;
  LedgerCache& cache_;
};

}  // namespace peerwatt::settlement
