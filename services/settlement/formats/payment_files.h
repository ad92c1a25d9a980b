#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "services/settlement/core/payments/payment_file.h"

namespace peerwatt::settlement {

/// Writes payouts as an ISO 20022 customer credit transfer, `pain.001.001.09`, as SEPA takes it
/// when the currency is EUR. Texts are brought into the characters that banks carry.
/// Errors: as of CheckPayouts; nothing is written then.
absl::StatusOr<std::string> WriteCreditTransfers(const PaymentFileHeader& header,
                                                 const std::vector<Payout>& payouts);

/// Writes collections as an ISO 20022 customer direct debit, `pain.008.001.08`, scheme CORE: first
/// collections and recurrent ones in a batch each.
/// creditor_id: SEPA creditor identifier. Errors: as of CheckCollections.
absl::StatusOr<std::string> WriteDirectDebits(const PaymentFileHeader& header,
                                              absl::string_view creditor_id,
                                              const std::vector<Collection>& collections);

}  // namespace peerwatt::settlement
