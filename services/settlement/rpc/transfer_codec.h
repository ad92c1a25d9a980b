#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "peerwatt/settlement/v1/ledger.pb.h"
#include "services/settlement/core/ledger/reader.h"
#include "services/settlement/core/ledger/transfer.h"

namespace peerwatt::settlement {

/// Reads transfers, without their hashes. currency: that of the ledger.
/// Errors: FIELD_INVALID.
absl::StatusOr<std::vector<ledger::Transfer>> TransfersFrom(
    const v1::CreateTransfersRequest& request, const CommunityId& community,
    const std::string& currency);
/// Reads accounts to open. Errors: FIELD_INVALID.
absl::StatusOr<std::vector<ledger::AccountOpening>> OpeningsFrom(
    const v1::OpenAccountsRequest& request, const std::string& currency);

/// Fills messages from values. community: that of the ledger.
void Encode(const CommunityId& community, const ledger::TransferResult& result,
            v1::TransferResult& proto);
void Encode(const CommunityId& community, const ledger::AccountState& account,
            v1::Account& proto);
void Encode(const CommunityId& community, const std::string& currency,
            const ledger::BalanceAsOf& balance, v1::Balance& proto);

}  // namespace peerwatt::settlement
