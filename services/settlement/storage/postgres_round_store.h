#pragma once

#include "libs/postgres/pool.h"
#include "services/settlement/core/payments/payment_desk.h"
#include "services/settlement/core/payments/round_store.h"
#include "services/settlement/storage/ledger_cache.h"

namespace peerwatt::settlement {

/// Carries out the waterfall and payment rules in PostgreSQL: what they decide on is read under the
/// ledger's lock, so that several processes can do it and it happens once.
class PostgresRoundStore final : public RoundStore {
 public:
  PostgresRoundStore(postgres::Pool& pool, LedgerCache& cache, PaymentHash hash)
      : pool_(pool), cache_(cache), hash_(hash) {}

  absl::StatusOr<int64_t> VersionOf(const CommunityId& community) override;
  absl::StatusOr<int64_t> RunWaterfall(const CommunityId& community, absl::Time now) override;
  absl::StatusOr<int64_t> RunRules(const RuleTerms& terms, absl::Time now) override;

 private:
  postgres::Pool& pool_;
  LedgerCache& cache_;
  const PaymentHash hash_;
};

}  // namespace peerwatt::settlement
