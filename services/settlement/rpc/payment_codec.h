#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "peerwatt/settlement/v1/payments.pb.h"
#include "services/settlement/core/books.h"
#include "services/settlement/core/payments/bank_file.h"
#include "services/settlement/core/payments/payment.h"
#include "services/settlement/core/payments/payment_store.h"

namespace peerwatt::settlement {

/// Reads where money goes. Errors: FIELD_INVALID, IBAN_INVALID, BIC_INVALID, with the field's path.
absl::StatusOr<PayoutDetails> DetailsFrom(const v1::PayoutDetails& proto,
                                          const CommunityId& community,
                                          const ParticipantId& participant);
/// Reads how a community pays. Errors: as above.
absl::StatusOr<PaymentSettings> SettingsFrom(const v1::PaymentSettings& proto,
                                             const CommunityId& community,
                                             const std::string& currency);
/// Reads kind and due date of a file. Errors: FIELD_INVALID.
absl::StatusOr<PaymentFile> FileFrom(const v1::PaymentFile& proto, const CommunityId& community,
                                     const std::string& id);

/// What an entry of the journal is to the owner of a wallet.
v1::WalletEntry::Kind WalletKindOf(const JournalEntry& entry);

/// Fills messages from values. currency: the ledger's.
void Encode(const ParticipantContext& owner, const Wallet& wallet, v1::Wallet& proto);
/// lines: those of the owner in the entry.
void Encode(const ParticipantContext& owner, const PostedEntry& entry,
            const std::vector<PostedBillLine>& lines, v1::WalletEntry& proto);
void Encode(const ParticipantContext& owner, const WalletHold& hold, v1::WalletHold& proto);
void Encode(const PayoutDetails& details, v1::PayoutDetails& proto);
void Encode(const Payment& payout, v1::Payout& proto);
void Encode(const Payment& collection, v1::Collection& proto);
void Encode(const PaymentSettings& settings, const std::string& currency,
            v1::PaymentSettings& proto);
void Encode(const PaymentFile& file, const std::string& currency, v1::PaymentFile& proto);
void Encode(const CommunityId& community, const std::string& currency,
            const KeptStatement& statement, v1::BankStatement& proto);
void Encode(const CommunityId& community, const std::string& currency, const BankFinding& finding,
            v1::BankFinding& proto);

}  // namespace peerwatt::settlement
