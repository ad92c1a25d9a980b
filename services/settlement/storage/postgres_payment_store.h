#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "libs/postgres/pool.h"
#include "services/settlement/core/payments/payment_effects.h"
#include "services/settlement/core/payments/payment_store.h"
#include "services/settlement/storage/ledger_cache.h"

namespace peerwatt::settlement {

/// Keeps payments in PostgreSQL; a payment's state and its money change in one transaction.
class PostgresPaymentStore final : public PaymentStore {
 public:
  PostgresPaymentStore(postgres::Pool& pool, LedgerCache& cache) : pool_(pool), cache_(cache) {}

  absl::StatusOr<Wallet> GetWallet(const CommunityId& community,
                                   const ParticipantId& participant) override;
  absl::StatusOr<std::vector<WalletHold>> ListHolds(const CommunityId& community,
                                                    const ParticipantId& participant,
                                                    const std::string& after,
                                                    int32_t limit) override;
  absl::StatusOr<std::vector<PostedBillLine>> ListLinesOfEntries(
      const CommunityId& community, const ParticipantId& participant,
      const std::vector<absl::Time>& periods, const std::vector<int64_t>& entries) override;
  absl::StatusOr<std::optional<PayoutDetails>> FindDetails(
      const CommunityId& community, const ParticipantId& participant) override;
  absl::StatusOr<PayoutDetails> PutDetails(const PayoutDetails& details, absl::Time now) override;
  absl::StatusOr<PaymentSettings> GetSettings(const CommunityId& community) override;
  absl::StatusOr<PaymentSettings> PutSettings(const PaymentSettings& settings,
                                              absl::Time now) override;
  absl::StatusOr<Payment> CreatePayout(const Payment& payout, bool needs_details,
                                       absl::Time now) override;
  absl::StatusOr<Payment> Finish(const PaymentName& name, ChargeOutcome outcome,
                                 absl::Time now) override;
  absl::StatusOr<Payment> Cancel(const PaymentName& name, absl::Time now) override;
  absl::StatusOr<Payment> Fail(const PaymentName& name, const std::string& failure,
                               absl::Time now) override;
  absl::StatusOr<Payment> Get(const PaymentName& name) override;
  absl::StatusOr<std::vector<Payment>> List(const PaymentName& after, int32_t limit) override;
  absl::StatusOr<std::vector<Payment>> ListUnfinished() override;

 private:
  /// Changes a payment under the ledger's lock. change: may leave it as it is.
  absl::StatusOr<Payment> Change(
      const PaymentName& name, absl::Time now,
      absl::FunctionRef<absl::Status(Payment&, PaymentEffects&)> change);

  postgres::Pool& pool_;
  LedgerCache& cache_;
};

}  // namespace peerwatt::settlement
