#pragma once

#include <string>

#include "peerwatt/settlement/v1/settlement.pb.h"
#include "services/settlement/core/books.h"
#include "services/settlement/core/stores.h"

namespace peerwatt::settlement {

/// Fills messages from values. community and currency are those of the ledger.
void Encode(const CommunityId& community, const std::string& currency, const Account& account,
            v1::LedgerAccount& proto);
void Encode(const CommunityId& community, const std::string& currency, const PostedEntry& entry,
            v1::JournalEntry& proto);
void Encode(const CommunityId& community, const std::string& currency,
            const SettledPeriod& period, v1::SettlementPeriod& proto);
void Encode(const CommunityId& community, const std::string& currency, const PostedBillLine& line,
            v1::SettlementLine& proto);
void Encode(const std::string& currency, const TrialBalance& balance, v1::TrialBalance& proto);
void Encode(const Deposit& deposit, v1::Deposit& proto);
/// items: sums per kind, reference kinds included.
void Encode(const std::string& currency, const std::vector<BillItem>& items, v1::Bill& proto);

}  // namespace peerwatt::settlement
