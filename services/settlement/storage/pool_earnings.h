#pragma once

#include <map>
#include <vector>

#include <pqxx/pqxx>

#include "services/settlement/core/accounts.h"
#include "services/settlement/core/payments/withheld.h"
#include "services/settlement/storage/ledger_session.h"

namespace peerwatt::settlement {

/// What participants earned in pools and were not handed on; those without earnings are not in it.
std::map<ParticipantId, AwaitedEarnings> SelectAwaited(
    pqxx::work& tx, const CommunityId& community, const std::vector<PoolSpan>& pools,
    const std::vector<ParticipantId>& participants);

/// Loads the accounts of all participants. Returns their ids.
std::vector<AccountId> LoadParticipants(pqxx::work& tx, LedgerSession& ledger,
                                        const CommunityId& community);

/// What all members owe: wallets below zero. Loads them.
Money OwedByMembers(pqxx::work& tx, LedgerSession& ledger, const CommunityId& community);

}  // namespace peerwatt::settlement
