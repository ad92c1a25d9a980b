#include "services/settlement/storage/postgres_hold_store.h"

#include <limits>
#include <map>
#include <set>
#include <utility>

#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/postgres/codec.h"
#include "services/settlement/storage/ledger_writer.h"
#include "services/settlement/storage/queries.h"

namespace peerwatt::settlement {
namespace {

using postgres::Exec;
using postgres::Int64From;
using postgres::TextFrom;
using postgres::ToSql;
using postgres::ToSqlArray;

/// Reads what the decision depends on, with the accounts locked.
HoldBook ReadBook(pqxx::work& tx, LedgerWriter& ledger, const CommunityId& community,
                  absl::Time period_start, const std::vector<HoldRequest>& requests) {
  HoldBook book;
  std::set<AccountId> accounts;
  std::set<absl::Time> periods;
  std::vector<std::string> orders;
  for (const HoldRequest& request : requests) {
    accounts.insert(ParticipantAccount(request.participant));
    orders.push_back(request.order);
    periods.insert(request.period_start.value_or(period_start));
  }
  for (const Account& account : ledger.LockAccounts({accounts.begin(), accounts.end()})) {
    book.available[account.id] = account.balance - account.held;
  }
  for (const auto& row : Exec(tx, kSelectHolds, community.value(), ToSqlArray(orders))) {
    book.known[TextFrom(row["order_name"])] = {
        ParticipantId(TextFrom(row["participant_id"])),
        postgres::TimeFrom(row["period_start_at"]),
        Money::Micros(Int64From(row["initial_micros"]))};
  }
  for (const auto& row :
       Exec(tx, kSelectSettledPeriods, community.value(),
            ToSqlArray(std::vector<absl::Time>(periods.begin(), periods.end())))) {
    book.settled_periods.insert(postgres::TimeFrom(row[0]));
  }
  return book;
}

/// Columns of new holds, as parameters.
struct HoldColumns {
  explicit HoldColumns(const std::vector<HoldRequest>& holds, absl::Time period_start) {
    for (const HoldRequest& hold : holds) {
      periods.push_back(hold.period_start.value_or(period_start));
      orders.push_back(hold.order);
      participants.push_back(hold.participant.value());
      amounts.push_back(hold.amount.micros());
    }
  }
  std::vector<absl::Time> periods;
  std::vector<std::string> orders;
  std::vector<std::string> participants;
  std::vector<int64_t> amounts;
};

void InsertHolds(pqxx::work& tx, const CommunityId& community,
                 const std::vector<HoldRequest>& holds, absl::Time period_start) {
  const HoldColumns columns(holds, period_start);
  Exec(tx, kInsertHolds, community.value(), ToSqlArray(columns.periods),
       ToSqlArray(columns.orders), ToSqlArray(columns.participants),
       ToSqlArray(columns.amounts));
}

/// Keeps all holds when each is new and stands, as nearly always, without a look before. Returns
/// kCancelled, and keeps nothing, when one does not stand; kAlreadyExists when one is known.
absl::Status HoldAll(pqxx::work& tx, const CommunityId& community, absl::Time period_start,
                     const std::vector<HoldRequest>& requests) {
  // No sum of as many as these overflows; nobody has so much.
  const Money amount_max = Money::Micros(std::numeric_limits<int64_t>::max() /
                                         static_cast<int64_t>(requests.size()));
  std::map<AccountId, Money> sums;
  for (const HoldRequest& request : requests) {
    if (request.amount > amount_max) return absl::CancelledError();
    sums[ParticipantAccount(request.participant)] += request.amount;
  }
  std::vector<std::string> accounts;
  std::vector<int64_t> amounts;
  for (const auto& [account, amount] : sums) {
    accounts.push_back(account.value());
    amounts.push_back(amount.micros());
  }
  const HoldColumns columns(requests, period_start);
  const pqxx::row counts =
      Exec(tx, kHoldAll, community.value(), ToSqlArray(columns.periods),
           ToSqlArray(columns.orders), ToSqlArray(columns.participants),
           ToSqlArray(columns.amounts), ToSqlArray(accounts), ToSqlArray(amounts))[0];
  const bool all_stand = Int64From(counts[0]) == static_cast<int64_t>(requests.size()) &&
                         Int64From(counts[1]) == static_cast<int64_t>(accounts.size());
  return all_stand ? absl::OkStatus() : absl::CancelledError();
}

}  // namespace

absl::StatusOr<std::vector<std::string>> PostgresHoldStore::CreateHolds(
    const CommunityId& community, absl::Time period_start,
    const std::vector<HoldRequest>& requests) {
  if (requests.empty()) return std::vector<std::string>();
  absl::Status status = pool_.Run([&](pqxx::work& tx) -> absl::Status {
    LedgerWriter ledger(tx, community);
    PW_RETURN_IF_ERROR(ledger.ShareLedger());
    return HoldAll(tx, community, period_start, requests);
  });
  std::vector<std::string> reasons(requests.size());
  if (!absl::IsCancelled(status) && !absl::IsAlreadyExists(status)) {
    PW_RETURN_IF_ERROR(status);
    return reasons;
  }
  const auto create = [&](pqxx::work& tx) -> absl::Status {
    LedgerWriter ledger(tx, community);
    PW_RETURN_IF_ERROR(ledger.ShareLedger());
    HoldDecision decision = DecideHolds(
        requests, period_start, ReadBook(tx, ledger, community, period_start, requests));
    reasons = std::move(decision.failure_reasons);
    if (decision.created.empty()) return absl::OkStatus();
    InsertHolds(tx, community, decision.created, period_start);
    AccountChanges changes;
    for (const auto& [account, amount] : decision.newly_held) changes[account].held = amount;
    ledger.Apply(changes);
    return absl::OkStatus();
  };
  status = pool_.Run(create);
  // Two participants named the same order at once: now the first one's hold is there to see.
  if (absl::IsAlreadyExists(status)) status = pool_.Run(create);
  PW_RETURN_IF_ERROR(status);
  return reasons;
}

absl::StatusOr<std::vector<std::string>> PostgresHoldStore::CheckHolds(
    const CommunityId& community, absl::Time period_start,
    const std::vector<HoldRequest>& requests) {
  std::vector<std::string> reasons;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) -> absl::Status {
    LedgerWriter ledger(tx, community);
    PW_RETURN_IF_ERROR(ledger.ShareLedger());
    reasons = DecideHolds(requests, period_start,
                          ReadBook(tx, ledger, community, period_start, requests))
                  .failure_reasons;
    return absl::OkStatus();
  }));
  return reasons;
}

absl::Status PostgresHoldStore::ReduceHolds(const CommunityId& community, absl::Time period_start,
                                            const std::vector<HoldReduction>& reductions) {
  std::vector<std::string> orders;
  std::vector<int64_t> amounts;
  for (const HoldReduction& reduction : reductions) {
    orders.push_back(reduction.order);
    amounts.push_back(reduction.amount.micros());
  }
  return pool_.Run([&](pqxx::work& tx) -> absl::Status {
    LedgerWriter ledger(tx, community);
    PW_RETURN_IF_ERROR(ledger.ShareLedger());
    std::set<AccountId> accounts;
    for (const auto& row : Exec(tx, kSelectHolds, community.value(), ToSqlArray(orders))) {
      accounts.insert(ParticipantAccount(ParticipantId(TextFrom(row["participant_id"]))));
    }
    if (accounts.empty()) return absl::OkStatus();
    ledger.LockAccounts({accounts.begin(), accounts.end()});
    AccountChanges changes;
    for (const auto& row : Exec(tx, kReduceHolds, community.value(), ToSql(period_start),
                                ToSqlArray(orders), ToSqlArray(amounts))) {
      const ParticipantId participant(TextFrom(row["participant_id"]));
      changes[ParticipantAccount(participant)].held -=
          Money::Micros(Int64From(row["freed_micros"]));
    }
    ledger.Apply(changes);
    return absl::OkStatus();
  });
}

}  // namespace peerwatt::settlement
