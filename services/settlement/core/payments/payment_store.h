#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/settlement/core/books.h"
#include "services/settlement/core/payments/payment.h"
#include "services/settlement/core/peers.h"

namespace peerwatt::settlement {

/// Money of a wallet that is reserved.
struct WalletHold {
  std::string name;  ///< of the order, or the key of the hold
  Money amount;
  std::optional<absl::Time> period_start;
};

/// Keeps payments, where they go, and how a community pays.
class PaymentStore {
 public:
  virtual ~PaymentStore() = default;
  /// Zeros when no money ever touched it. Errors: NOT_FOUND (the community's ledger).
  virtual absl::StatusOr<Wallet> GetWallet(const CommunityId& community,
                                           const ParticipantId& participant) = 0;
  /// Open holds by name, after `after`.
  virtual absl::StatusOr<std::vector<WalletHold>> ListHolds(const CommunityId& community,
                                                            const ParticipantId& participant,
                                                            const std::string& after,
                                                            int32_t limit) = 0;
  /// Lines of a participant that moved money in these entries, by entry.
  /// periods: all that the entries are of.
  virtual absl::StatusOr<std::vector<PostedBillLine>> ListLinesOfEntries(
      const CommunityId& community, const ParticipantId& participant,
      const std::vector<absl::Time>& periods, const std::vector<int64_t>& entries) = 0;

  virtual absl::StatusOr<std::optional<PayoutDetails>> FindDetails(
      const CommunityId& community, const ParticipantId& participant) = 0;
  /// Keeps a new revision, unless nothing changes. Returns what is kept.
  virtual absl::StatusOr<PayoutDetails> PutDetails(const PayoutDetails& details,
                                                   absl::Time now) = 0;
  /// Those of a community that set none are empty. Errors: NOT_FOUND (the community's ledger).
  virtual absl::StatusOr<PaymentSettings> GetSettings(const CommunityId& community) = 0;
  /// Keeps settings, and opens the mutual fund's account with the first limit above zero.
  virtual absl::StatusOr<PaymentSettings> PutSettings(const PaymentSettings& settings,
                                                      absl::Time now) = 0;

  /// Keeps a payout and holds its money in one transaction, unless its id is known. Returns what is
  /// kept under the id. needs_details: whether the bank account must be known.
  /// Errors: NOT_FOUND, PAYOUT_DETAILS_MISSING, FUNDS_INSUFFICIENT. A refused one leaves no trace.
  virtual absl::StatusOr<Payment> CreatePayout(const Payment& payout, bool needs_details,
                                               absl::Time now) = 0;
  /// Ends a payment that is with a provider, as it says: its money enters the ledger, or is free.
  /// One that has ended stays as it is. Returns what is kept. Errors: NOT_FOUND.
  virtual absl::StatusOr<Payment> Finish(const PaymentName& name, ChargeOutcome outcome,
                                         absl::Time now) = 0;
  /// Frees the money of a payout that is pending. A canceled one stays so.
  /// Errors: NOT_FOUND, PAYOUT_HANDED_OVER.
  virtual absl::StatusOr<Payment> Cancel(const PaymentName& name, absl::Time now) = 0;
  /// Ends a payment of a file that the bank refused. A failed one stays so.
  /// Errors: NOT_FOUND, PAYMENT_NOT_PROCESSING.
  virtual absl::StatusOr<Payment> Fail(const PaymentName& name, const std::string& failure,
                                       absl::Time now) = 0;
  /// Errors: NOT_FOUND.
  virtual absl::StatusOr<Payment> Get(const PaymentName& name) = 0;
  /// Those of one participant and kind, by id. after: `id` is that of the last one seen.
  virtual absl::StatusOr<std::vector<Payment>> List(const PaymentName& after, int32_t limit) = 0;
  /// Payments that are with a provider and not in a file, of all communities, oldest first.
  virtual absl::StatusOr<std::vector<Payment>> ListUnfinished() = 0;
};

}  // namespace peerwatt::settlement
