#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/base/clock.h"
#include "services/settlement/core/ledgers.h"
#include "services/settlement/core/payments/bank_file.h"
#include "services/settlement/core/payments/payment_store.h"
#include "services/settlement/core/peers.h"

namespace peerwatt::settlement {

/// SHA-256 of a text, 32 bytes.
using PaymentHash = std::string (*)(absl::string_view);

/// What a payment is called at the bank: `PO` or `CO`, and 30 hexadecimal digits of a hash of its
/// name.
std::string EndToEndId(const PaymentName& name, PaymentHash hash);

/// A payout as its participant asks for it. Goes to a provider at once, or waits for a file.
Payment NewPayout(const PaymentName& name, Money amount, const std::string& currency,
                  bool uses_files, PaymentHash hash, absl::Time now);

/// Pays out and charges. Each step can be repeated, so what was cut off anywhere is finished later,
/// once.
class PaymentDesk {
 public:
  PaymentDesk(Ledgers& ledgers, PaymentProvider& provider, PaymentStore& store, PaymentHash hash,
              const Clock& clock)
      : ledgers_(ledgers), provider_(provider), store_(store), hash_(hash), clock_(clock) {}

  /// Pays `amount` > 0, whole in its smallest coin, out of a wallet. The same id with the same
  /// amount gives the same payout. Errors: NOT_FOUND, CONTENT_DIFFERS, PAYOUT_DETAILS_MISSING,
  /// FUNDS_INSUFFICIENT, PAYMENT_DECLINED; kUnavailable when the provider does not answer: the
  /// payout is finished later, and the call can be repeated.
  absl::StatusOr<Payment> CreatePayout(const ParticipantContext& owner, const std::string& id,
                                       Money amount);
  /// Asks the provider for all that is with it and has not ended. Errors: the first failure; the
  /// others are still tried.
  absl::Status FinishPending();
  bool uses_files() const { return provider_.uses_files(); }

 private:
  absl::StatusOr<Payment> Hand(const Payment& payment);

  Ledgers& ledgers_;
  PaymentProvider& provider_;
  PaymentStore& store_;
  const PaymentHash hash_;
  const Clock& clock_;
};

/// Makes files for the bank and takes in its statements.
class BankDesk {
 public:
  BankDesk(Ledgers& ledgers, BankStore& store, bool uses_files, PaymentHash hash,
           const Clock& clock)
      : ledgers_(ledgers), store_(store), uses_files_(uses_files), hash_(hash), clock_(clock) {}

  /// Writes what waits into one file. wanted: community, id, kind, due date.
  /// Errors: PAYMENT_FILES_UNUSED, and those of `BankStore::CreateFile`.
  absl::StatusOr<PaymentFile> CreateFile(PaymentFile wanted);
  /// Takes in the statements of a file. content: its bytes; statements: what they say.
  /// Errors: those of `BankStore::Import`; of the registry, when a reference cannot be looked up.
  absl::StatusOr<std::vector<KeptStatement>> Import(const CommunityId& community,
                                                    absl::string_view content,
                                                    std::vector<BankStatement> statements);

 private:
  absl::StatusOr<ParticipantId> PayerOf(const CommunityId& community, const BankEntry& entry);

  Ledgers& ledgers_;
  BankStore& store_;
  const bool uses_files_;
  const PaymentHash hash_;
  const Clock& clock_;
};

}  // namespace peerwatt::settlement
