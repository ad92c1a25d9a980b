#include "services/settlement/storage/ledger_writer.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "libs/base/check.h"
#include "libs/base/error.h"
#include "libs/postgres/codec.h"
#include "libs/postgres/pool.h"
#include "services/settlement/storage/queries.h"

namespace peerwatt::settlement {
namespace {

using postgres::Exec;
using postgres::Int64From;
using postgres::TextFrom;
using postgres::ToSql;
using postgres::ToSqlArray;

std::vector<std::string> ValuesOf(const std::vector<AccountId>& accounts) {
  std::vector<std::string> values;
  values.reserve(accounts.size());
  for (const AccountId& account : accounts) values.push_back(account.value());
  return values;
}

}  // namespace

absl::Status LedgerNotFound(const CommunityId& community) {
  const std::string name = absl::StrCat("communities/", community.value());
  return Error(kNotFound, absl::StrCat(name, " has no ledger"), {{"resource", name}});
}

absl::StatusOr<int64_t> LedgerWriter::TakeEntryNumbers(size_t count) {
  const auto added = static_cast<int64_t>(count);
  const pqxx::result rows = Exec(tx_, kTakeEntryNumbers, community_.value(), added);
  if (rows.empty()) return LedgerNotFound(community_);
  return Int64From(rows[0]["entry_count"]) - added + 1;
}

absl::Status LedgerWriter::ShareLedger() {
  const pqxx::result rows = Exec(tx_, kShareLedger, community_.value());
  return rows.empty() ? LedgerNotFound(community_) : absl::OkStatus();
}

std::vector<Account> LedgerWriter::LockAccounts(const std::vector<AccountId>& accounts) {
  std::vector<Account> locked;
  const pqxx::result rows =
      Exec(tx_, kLockAccounts, community_.value(), ToSqlArray(ValuesOf(accounts)));
  for (const auto& row : rows) {
    locked.push_back({AccountId(TextFrom(row["account_id"])),
                      Money::Micros(Int64From(row["balance_micros"])),
                      Money::Micros(Int64From(row["held_micros"]))});
  }
  return locked;
}

void LedgerWriter::EnsureAccounts(const std::vector<AccountId>& accounts) {
  std::vector<int32_t> kinds;
  std::vector<std::string> owners;
  for (const AccountId& account : accounts) {
    const std::optional<AccountKind> kind = KindOf(account);
    PW_CHECK(kind.has_value(), "an account has a known kind");
    kinds.push_back(static_cast<int32_t>(*kind));
    owners.push_back(OwnerOf(account).value());
  }
  Exec(tx_, kInsertAccounts, community_.value(), ToSqlArray(ValuesOf(accounts)),
       ToSqlArray(kinds), ToSqlArray(owners));
}

void LedgerWriter::Post(int64_t first, const std::vector<JournalEntry>& entries, absl::Time now,
                        AccountChanges changes) {
  for (const JournalEntry& entry : entries) {
    for (const Posting& posting : entry.postings) {
      changes[posting.account].balance += posting.amount;
    }
  }
  if (changes.empty()) return;
  std::vector<AccountId> accounts;
  for (const auto& [account, change] : changes) accounts.push_back(account);
  EnsureAccounts(accounts);
  LockAccounts(accounts);
  if (!entries.empty()) InsertEntries(first, entries, now);
  Apply(changes);
}

void LedgerWriter::Apply(const AccountChanges& changes) {
  std::vector<AccountId> accounts;
  std::vector<int64_t> balances;
  std::vector<int64_t> held;
  for (const auto& [account, change] : changes) {
    if (change.balance == Money() && change.held == Money()) continue;
    accounts.push_back(account);
    balances.push_back(change.balance.micros());
    held.push_back(change.held.micros());
  }
  if (accounts.empty()) return;
  const pqxx::result result =
      Exec(tx_, kUpdateAccounts, community_.value(), ToSqlArray(ValuesOf(accounts)),
           ToSqlArray(balances), ToSqlArray(held));
  PW_CHECK(result.affected_rows() == accounts.size(), "every changed account exists");
}

void LedgerWriter::InsertEntries(int64_t first, const std::vector<JournalEntry>& entries,
                                 absl::Time now) {
  std::vector<int64_t> numbers;
  std::vector<std::string> kinds;
  std::vector<std::string> keys;
  std::vector<std::string> accounts;
  std::vector<std::string> amounts;
  const std::optional<absl::Time> period = entries.front().period_start;
  for (const JournalEntry& entry : entries) {
    PW_CHECK(entry.period_start == period, "entries of one transaction are of one period");
    std::vector<std::string> entry_accounts;
    std::vector<int64_t> entry_amounts;
    for (const Posting& posting : entry.postings) {
      entry_accounts.push_back(posting.account.value());
      entry_amounts.push_back(posting.amount.micros());
    }
    numbers.push_back(first + static_cast<int64_t>(numbers.size()));
    kinds.push_back(entry.kind);
    keys.push_back(entry.idempotency_key);
    accounts.push_back(ToSqlArray(entry_accounts));
    amounts.push_back(ToSqlArray(entry_amounts));
  }
  Exec(tx_, kInsertEntries, community_.value(), ToSqlArray(numbers), ToSqlArray(kinds),
       ToSqlArray(keys), ToSqlArray(accounts), ToSqlArray(amounts), ToSql(period), ToSql(now));
}

}  // namespace peerwatt::settlement
