#include "services/settlement/storage/postgres_hold_store.h"

#include <algorithm>
#include <limits>
#include <map>
#include <set>
#include <utility>

#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/postgres/codec.h"
#include "services/settlement/storage/ledger_session.h"
#include "services/settlement/storage/queries.h"

namespace peerwatt::settlement {
namespace {

using postgres::Exec;
using postgres::Int64From;
using postgres::TextFrom;
using postgres::ToSql;
using postgres::ToSqlArray;

// What an account without a limit may spend.
constexpr Money kUnlimited = Money::Micros(std::numeric_limits<int64_t>::max());

/// Adds what accounts may spend.
void AddAvailable(const CachedLedger::Accounts& accounts, HoldBook& book) {
  for (const auto& [id, account] : accounts) {
    book.available[id] = account.closed ? Money() : account.Available().value_or(kUnlimited);
  }
}

/// Reads what the decision depends on.
HoldBook ReadBook(pqxx::work& tx, LedgerSession& ledger, const CommunityId& community,
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
  ledger.Load({accounts.begin(), accounts.end()});
  AddAvailable(ledger.accounts(), book);
  for (const auto& row : Exec(tx, kSelectHolds, community.value(), ToSqlArray(orders))) {
    // A hold of a transfer has no period, and so other content than any order's.
    book.known[TextFrom(row["order_name"])] = {
        OwnerOf(AccountId(TextFrom(row["account_id"]))),
        postgres::OptionalTimeFrom(row["period_start_at"]).value_or(absl::InfinitePast()),
        Money::Micros(Int64From(row["initial_micros"]))};
  }
  for (const auto& row :
       Exec(tx, kSelectSettledPeriods, community.value(),
            ToSqlArray(std::vector<absl::Time>(periods.begin(), periods.end())))) {
    book.settled_periods.insert(postgres::TimeFrom(row[0]));
  }
  return book;
}

void InsertHolds(pqxx::work& tx, LedgerSession& ledger, const CommunityId& community,
                 const std::vector<HoldRequest>& holds) {
  std::vector<absl::Time> periods;
  std::vector<std::string> orders;
  std::vector<int32_t> accounts;
  std::vector<int64_t> amounts;
  for (const HoldRequest& hold : holds) {
    periods.push_back(*hold.period_start);
    orders.push_back(hold.order);
    accounts.push_back(ledger.accounts().at(ParticipantAccount(hold.participant)).number);
    amounts.push_back(hold.amount.micros());
  }
  Exec(tx, kInsertHolds, community.value(), ToSqlArray(periods), ToSqlArray(orders),
       ToSqlArray(accounts), ToSqlArray(amounts));
}

/// Changes what accounts have pending and writes it.
void ChangePending(LedgerSession& ledger, const std::map<AccountId, Money>& changes) {
  std::vector<AccountId> accounts;
  for (const auto& [account, change] : changes) {
    ledger.accounts().at(account).counters.debits_pending += change;
    accounts.push_back(account);
  }
  ledger.WritePending(accounts);
}

/// Runs kHoldAll. Returns whether it kept the holds.
bool InsertAllHolds(pqxx::transaction_base& tx, const CommunityId& community, int64_t version,
                    const std::vector<HoldRequest>& holds, const CachedLedger::Accounts& accounts,
                    const std::map<AccountId, Money>& newly_held) {
  std::vector<absl::Time> starts;
  for (const HoldRequest& hold : holds) starts.push_back(*hold.period_start);
  std::sort(starts.begin(), starts.end());
  starts.erase(std::unique(starts.begin(), starts.end()), starts.end());
  std::map<int32_t, int64_t> pending;  // Accounts change in the order of their numbers.
  for (const auto& [id, held] : newly_held) {
    const ledger::AccountState& account = accounts.at(id);
    pending[account.number] = account.counters.debits_pending.micros();
  }
  std::vector<int32_t> numbers, periods, debited;
  std::vector<int64_t> debits, amounts;
  std::vector<absl::string_view> orders;
  for (const auto& [number, micros] : pending) {
    numbers.push_back(number);
    debits.push_back(micros);
  }
  for (const HoldRequest& hold : holds) {
    const auto at = std::lower_bound(starts.begin(), starts.end(), *hold.period_start);
    periods.push_back(static_cast<int32_t>(at - starts.begin() + 1));
    orders.push_back(hold.order);
    debited.push_back(accounts.at(ParticipantAccount(hold.participant)).number);
    amounts.push_back(hold.amount.micros());
  }
  return Exec(tx, kHoldAll, community.value(), version, ToSqlArray(starts), ToSqlArray(numbers),
              ToSqlArray(debits), ToSqlArray(periods), ToSqlArray(orders), ToSqlArray(debited),
              ToSqlArray(amounts))
             .affected_rows() == holds.size();
}

}  // namespace

absl::StatusOr<bool> PostgresHoldStore::HoldAll(const CommunityId& community,
                                                absl::Time period_start,
                                                const std::vector<HoldRequest>& requests) {
  CachedLedger& cached = cache_.Of(community);
  absl::MutexLock writing(&cached.writing());
  std::vector<AccountId> ids;
  for (const HoldRequest& request : requests) {
    ids.push_back(ParticipantAccount(request.participant));
  }
  LedgerPosition position;
  position.version = cached.version();
  position.entry_count = cached.entry_count();
  CachedLedger::Accounts accounts;
  if (!cached.Take(ids, accounts).empty()) return false;
  HoldBook book;
  AddAvailable(accounts, book);
  const HoldDecision decision = DecideHolds(requests, period_start, std::move(book));
  for (const std::string& reason : decision.failure_reasons) {
    if (!reason.empty()) return false;
  }
  for (const auto& [id, held] : decision.newly_held) {
    accounts.at(id).counters.debits_pending += held;
  }
  const absl::Status kept = pool_.RunAlone([&](pqxx::nontransaction& tx) {
    return InsertAllHolds(tx, community, position.version, decision.created, accounts,
                          decision.newly_held)
               ? absl::OkStatus()
               : absl::CancelledError();
  });
  if (absl::IsCancelled(kept) || absl::IsAlreadyExists(kept)) return false;
  PW_RETURN_IF_ERROR(kept);
  ++position.version;
  cached.Publish(position, std::move(accounts), {}, {});
  return true;
}

absl::StatusOr<std::vector<std::string>> PostgresHoldStore::CreateHolds(
    const CommunityId& community, absl::Time period_start,
    const std::vector<HoldRequest>& requests) {
  std::vector<std::string> reasons(requests.size());
  if (requests.empty()) return reasons;
  PW_ASSIGN_OR_RETURN(const bool all_stand, HoldAll(community, period_start, requests));
  if (all_stand) return reasons;
  const auto create = [&](pqxx::work& tx, LedgerSession& ledger) -> absl::Status {
    HoldDecision decision = DecideHolds(
        requests, period_start, ReadBook(tx, ledger, community, period_start, requests));
    reasons = std::move(decision.failure_reasons);
    if (decision.created.empty()) return absl::OkStatus();
    InsertHolds(tx, ledger, community, decision.created);
    ChangePending(ledger, decision.newly_held);
    return absl::OkStatus();
  };
  PW_RETURN_IF_ERROR(WriteLedger(pool_, cache_, community, absl::InfinitePast(), create));
  return reasons;
}

absl::StatusOr<std::vector<std::string>> PostgresHoldStore::CheckHolds(
    const CommunityId& community, absl::Time period_start,
    const std::vector<HoldRequest>& requests) {
  std::vector<std::string> reasons;
  const auto check = [&](pqxx::work& tx, LedgerSession& ledger) {
    reasons = DecideHolds(requests, period_start,
                          ReadBook(tx, ledger, community, period_start, requests))
                  .failure_reasons;
    return absl::OkStatus();
  };
  PW_RETURN_IF_ERROR(WriteLedger(pool_, cache_, community, absl::InfinitePast(), check));
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
  const auto reduce = [&](pqxx::work& tx, LedgerSession& ledger) {
    std::map<AccountId, Money> changes;
    for (const auto& row : Exec(tx, kReduceHolds, community.value(), ToSql(period_start),
                                ToSqlArray(orders), ToSqlArray(amounts))) {
      changes[AccountId(TextFrom(row["account_id"]))] -=
          Money::Micros(Int64From(row["freed_micros"]));
    }
    std::vector<AccountId> accounts;
    for (const auto& [account, change] : changes) accounts.push_back(account);
    ledger.Load(accounts);
    ChangePending(ledger, changes);
    return absl::OkStatus();
  };
  return WriteLedger(pool_, cache_, community, absl::InfinitePast(), reduce);
}

}  // namespace peerwatt::settlement
