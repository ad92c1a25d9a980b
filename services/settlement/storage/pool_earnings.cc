#include "services/settlement/storage/pool_earnings.h"

#include <algorithm>
#include <string>

#include "libs/postgres/codec.h"
#include "services/settlement/storage/payment_queries.h"

namespace peerwatt::settlement {

using postgres::Exec;
using postgres::Int64From;
using postgres::TextFrom;
using postgres::ToSqlArray;

std::map<ParticipantId, AwaitedEarnings> SelectAwaited(
    pqxx::work& tx, const CommunityId& community, const std::vector<PoolSpan>& pools,
    const std::vector<ParticipantId>& participants) {
  std::map<ParticipantId, AwaitedEarnings> awaited;
  if (pools.empty() || participants.empty()) return awaited;
  std::vector<std::string> schemes, names;
  std::vector<absl::Time> starts, ends;
  for (const PoolSpan& pool : pools) {
    schemes.push_back(pool.scheme.value());
    starts.push_back(pool.validity.start);
    ends.push_back(pool.validity.end);
  }
  for (const ParticipantId& participant : participants) names.push_back(participant.value());
  for (const auto& row : Exec(tx, kSelectAwaited, community.value(), ToSqlArray(schemes),
                              ToSqlArray(starts), ToSqlArray(ends), ToSqlArray(names))) {
    awaited[ParticipantId(TextFrom(row["participant_id"]))] = {
        Money::Micros(Int64From(row["running_micros"])),
        Money::Micros(Int64From(row["ended_micros"]))};
  }
  return awaited;
}

std::vector<AccountId> LoadParticipants(pqxx::work& tx, LedgerSession& ledger,
                                        const CommunityId& community) {
  std::vector<AccountId> ids;
  for (const auto& row : Exec(tx, kListParticipantAccounts, community.value())) {
    ids.emplace_back(TextFrom(row["account_id"]));
  }
  ledger.Load(ids);
  return ids;
}

Money OwedByMembers(pqxx::work& tx, LedgerSession& ledger, const CommunityId& community) {
  Money owed;
  for (const AccountId& id : LoadParticipants(tx, ledger, community)) {
    owed += std::max(Money(), -ledger.accounts().at(id).counters.Balance());
  }
  return owed;
}

}  // namespace peerwatt::settlement
