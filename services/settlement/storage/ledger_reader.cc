#include "services/settlement/storage/ledger_reader.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "libs/base/check.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/postgres/codec.h"
#include "services/settlement/storage/ledger_session.h"
#include "services/settlement/storage/queries.h"

namespace peerwatt::settlement {
namespace {

using ledger::AccountNumber;
using ledger::AccountState;
using ledger::BalanceAsOf;
using postgres::Exec;
using postgres::Int64From;
using postgres::TextFrom;
using postgres::ToSqlArray;

/// One ledger as of the start of a transaction. What is folded meanwhile is there twice, never not
/// at all: the head is read first, pages and rows later.
class LedgerView {
 public:
  LedgerView(pqxx::work& tx, const CommunityId& community, CachedLedger& cached)
      : tx_(tx), community_(community), cached_(cached) {}

  /// Reads what neither the process knows nor rows and pages have. Errors: NOT_FOUND.
  absl::Status Open() {
    const int64_t known = cached_.entry_count();
    const pqxx::result head = Exec(tx_, kSelectLedgerHead, community_.value());
    if (head.empty()) return LedgerNotFound(community_);
    position_ = PositionFrom(head[0]);
    const int64_t after = std::max(known, position_.folded_entry_no);
    is_far_behind_ = position_.entry_count - after > kTailRowsMax;
    if (!is_far_behind_) newer_ = ReadTail(tx_, community_, after, position_.entry_count);
    return absl::OkStatus();
  }
  /// Whether there is more than is read each time: then nothing else may be asked.
  bool is_far_behind() const { return is_far_behind_; }
  const LedgerPosition& position() const { return position_; }

  /// The accounts of these ids that exist, in the order of the ids.
  std::vector<AccountState> Accounts(const std::vector<std::string>& ids) {
    const int64_t version = cached_.version();
    std::vector<AccountState> accounts = Rows(ids);
    for (AccountState& account : accounts) Overlay(account);
    if (cached_.version() != version) {
      // What was folded between the rows and the look at the tail is in the rows by now.
      std::map<AccountId, ledger::Counters> before;
      for (const AccountState& account : accounts) before[account.id] = account.counters;
      accounts = Rows(ids);
      for (AccountState& account : accounts) {
        const ledger::Counters& seen = before[account.id];
        Raise(seen.debits_posted, seen.credits_posted, account.counters);
      }
    }
    std::sort(accounts.begin(), accounts.end(),
              [](const AccountState& a, const AccountState& b) { return a.id < b.id; });
    return accounts;
  }

  /// Numbers of the account's entries that no page has for sure, in order.
  std::vector<int64_t> TailEntries(AccountNumber account) const {
    std::vector<int64_t> entries;
    if (const std::optional<AccountTail> tail = cached_.TailOf(account)) {
      entries = tail->entry_numbers;
    }
    for (const ClosingRow& row : newer_) {
      if (std::find(row.accounts.begin(), row.accounts.end(), account) != row.accounts.end() &&
          (entries.empty() || entries.back() < row.number)) {
        entries.push_back(row.number);
      }
    }
    return entries;
  }

 private:
  std::vector<AccountState> Rows(const std::vector<std::string>& ids) {
    std::vector<AccountState> accounts;
    for (const auto& row : Exec(tx_, kSelectAccountStates, community_.value(), ToSqlArray(ids))) {
      accounts.push_back(AccountStateFrom(row));
    }
    return accounts;
  }

  /// Counters only grow: the larger ones are the later ones.
  static void Raise(Money debits, Money credits, ledger::Counters& counters) {
    counters.debits_posted = std::max(counters.debits_posted, debits);
    counters.credits_posted = std::max(counters.credits_posted, credits);
  }

  void Overlay(AccountState& account) const {
    if (const std::optional<AccountTail> tail = cached_.TailOf(account.number)) {
      Raise(tail->debits_posted, tail->credits_posted, account.counters);
    }
    for (const ClosingRow& row : newer_) {
      for (size_t i = 0; i < row.accounts.size(); ++i) {
        if (row.accounts[i] != account.number) continue;
        Raise(Money::Micros(row.closing[2 * i]), Money::Micros(row.closing[2 * i + 1]),
              account.counters);
      }
    }
  }

  pqxx::work& tx_;
  const CommunityId& community_;
  CachedLedger& cached_;
  LedgerPosition position_;
  bool is_far_behind_ = false;
  std::vector<ClosingRow> newer_;
};

/// Looks at a ledger in one transaction, once the process knows most of it.
absl::Status Look(postgres::Pool& pool, LedgerCache& cache, const CommunityId& community,
                  absl::FunctionRef<absl::Status(pqxx::work&, LedgerView&)> look) {
  while (true) {
    bool is_far_behind = false;
    PW_RETURN_IF_ERROR(pool.Run([&](pqxx::work& tx) -> absl::Status {
      LedgerView view(tx, community, cache.Of(community));
      PW_RETURN_IF_ERROR(view.Open());
      is_far_behind = view.is_far_behind();
      return is_far_behind ? absl::OkStatus() : look(tx, view);
    }));
    if (!is_far_behind) return absl::OkStatus();
    PW_RETURN_IF_ERROR(LearnTail(pool, cache, community));
  }
}

absl::Status AccountMissing(const CommunityId& community, const AccountId& account) {
  const std::string name =
      absl::StrCat("communities/", community.value(), "/ledgerAccounts/", account.value());
  return Error(kNotFound, absl::StrCat(name, " does not exist"), {{"resource", name}});
}

absl::StatusOr<AccountState> Find(LedgerView& view, const CommunityId& community,
                                  const AccountId& account) {
  std::vector<AccountState> found = view.Accounts({account.value()});
  if (found.empty()) return AccountMissing(community, account);
  return std::move(found.front());
}

/// The last of the account's entries that is not after `bound`; 0 for none.
int64_t LastEntry(pqxx::work& tx, const CommunityId& community, const LedgerView& view,
                  AccountNumber account, int64_t bound) {
  int64_t last = 0;
  const auto take = [&](const std::vector<int64_t>& entries) {
    const auto end = std::upper_bound(entries.begin(), entries.end(), bound);
    if (end != entries.begin()) last = std::max(last, *std::prev(end));
  };
  take(view.TailEntries(account));
  const pqxx::row page = Exec(tx, kSelectPageAround, community.value(), account, bound)[0];
  if (!page["entry_nos"].is_null()) take(postgres::Int64ArrayFrom(page["entry_nos"]));
  return std::max(last, postgres::OptionalInt64From(page["entry_before"]).value_or(0));
}

/// The first entries of the account after `after`, in order.
std::vector<int64_t> EntriesAfter(pqxx::work& tx, const CommunityId& community,
                                  const LedgerView& view, AccountNumber account, int64_t after,
                                  size_t limit) {
  constexpr int32_t kPagesAtOnce = 8;
  // Before the pages: what is folded meanwhile is on them.
  const std::vector<int64_t> tail = view.TailEntries(account);
  std::set<int64_t> numbers;
  int64_t end = after;
  while (numbers.size() < limit) {
    const pqxx::result pages = Exec(tx, kListPages, community.value(), account, end, kPagesAtOnce);
    for (const auto& row : pages) {
      const std::vector<int64_t> page = postgres::Int64ArrayFrom(row["entry_nos"]);
      numbers.insert(std::upper_bound(page.begin(), page.end(), after), page.end());
      end = page.back();
    }
    if (pages.size() < static_cast<size_t>(kPagesAtOnce)) {
      numbers.insert(std::upper_bound(tail.begin(), tail.end(), after), tail.end());
      break;
    }
  }
  std::vector<int64_t> first(numbers.begin(), numbers.end());
  if (first.size() > limit) first.resize(limit);
  return first;
}

}  // namespace

PostedEntry EntryFrom(const pqxx::row& row) {
  PostedEntry posted;
  posted.number = Int64From(row["entry_no"]);
  posted.created_at = postgres::TimeFrom(row["created_at"]);
  posted.entry.kind = TextFrom(row["kind"]);
  posted.entry.idempotency_key = TextFrom(row["idempotency_key"]);
  posted.entry.period_start = postgres::OptionalTimeFrom(row["period_start_at"]);
  const std::vector<std::string> accounts = postgres::TextArrayFrom(row["account_ids"]);
  const std::vector<int64_t> amounts = postgres::Int64ArrayFrom(row["amounts_micros"]);
  PW_CHECK(accounts.size() == amounts.size(), "a posting has an account and an amount");
  for (size_t i = 0; i < accounts.size(); ++i) {
    posted.entry.postings.push_back({AccountId(accounts[i]), Money::Micros(amounts[i])});
  }
  return posted;
}

absl::StatusOr<AccountState> LedgerReader::GetAccount(const CommunityId& community,
                                                      const AccountId& account) {
  absl::StatusOr<AccountState> found;
  const auto look = [&](pqxx::work&, LedgerView& view) -> absl::Status {
    found = Find(view, community, account);
    return found.status();
  };
  PW_RETURN_IF_ERROR(Look(pool_, cache_, community, look));
  return found;
}

absl::StatusOr<std::vector<AccountState>> LedgerReader::ListAccounts(const CommunityId& community,
                                                                     const AccountId& after,
                                                                     int32_t limit) {
  std::vector<AccountState> accounts;
  const auto look = [&](pqxx::work& tx, LedgerView& view) -> absl::Status {
    std::vector<std::string> ids;
    for (const auto& row : Exec(tx, kListAccountIds, community.value(), after.value(), limit)) {
      ids.push_back(TextFrom(row["account_id"]));
    }
    accounts = view.Accounts(ids);
    return absl::OkStatus();
  };
  PW_RETURN_IF_ERROR(Look(pool_, cache_, community, look));
  return accounts;
}

absl::StatusOr<BalanceAsOf> LedgerReader::GetBalance(const CommunityId& community,
                                                     const AccountId& account,
                                                     int64_t entry_number) {
  BalanceAsOf balance;
  const auto look = [&](pqxx::work& tx, LedgerView& view) -> absl::Status {
    balance = BalanceAsOf();
    PW_ASSIGN_OR_RETURN(const AccountState state, Find(view, community, account));
    balance.entry_number = LastEntry(tx, community, view, state.number, entry_number);
    if (balance.entry_number == 0) return absl::OkStatus();
    const pqxx::row row = Exec(tx, kSelectClosing, community.value(), balance.entry_number)[0];
    const ClosingRow closing = ClosingFrom(row);
    const auto posting = std::find(closing.accounts.begin(), closing.accounts.end(), state.number);
    PW_CHECK(posting != closing.accounts.end(), "an account's page names its own entries");
    const auto at = static_cast<size_t>(posting - closing.accounts.begin());
    balance.debits_posted = Money::Micros(closing.closing[2 * at]);
    balance.credits_posted = Money::Micros(closing.closing[2 * at + 1]);
    balance.posted_at = postgres::TimeFrom(row["created_at"]);
    return absl::OkStatus();
  };
  PW_RETURN_IF_ERROR(Look(pool_, cache_, community, look));
  return balance;
}

absl::StatusOr<int64_t> LedgerReader::EntryAt(const CommunityId& community, absl::Time time) {
  int64_t found = 0;
  const auto look = [&](pqxx::work& tx, LedgerView& view) -> absl::Status {
    // Entries are numbered in the order of their times.
    int64_t low = 0;
    int64_t high = view.position().entry_count;
    while (low < high) {
      const int64_t middle = high - (high - low) / 2;
      const pqxx::result rows = Exec(tx, kSelectEntryCreatedAt, community.value(), middle);
      PW_CHECK(!rows.empty(), "entry numbers have no gaps");
      if (postgres::TimeFrom(rows[0]["created_at"]) <= time) {
        low = middle;
      } else {
        high = middle - 1;
      }
    }
    found = low;
    return absl::OkStatus();
  };
  PW_RETURN_IF_ERROR(Look(pool_, cache_, community, look));
  return found;
}

absl::StatusOr<std::vector<PostedEntry>> LedgerReader::ListEntries(const CommunityId& community,
                                                                   const AccountId& account,
                                                                   int64_t after, int32_t limit) {
  std::vector<PostedEntry> entries;
  const auto look = [&](pqxx::work& tx, LedgerView& view) -> absl::Status {
    entries.clear();
    PW_ASSIGN_OR_RETURN(const AccountState state, Find(view, community, account));
    std::vector<int64_t> numbers =
        EntriesAfter(tx, community, view, state.number, after, static_cast<size_t>(limit));
    for (const auto& row : Exec(tx, kListEntriesByNumber, community.value(), ToSqlArray(numbers))) {
      entries.push_back(EntryFrom(row));
    }
    return absl::OkStatus();
  };
  PW_RETURN_IF_ERROR(Look(pool_, cache_, community, look));
  return entries;
}

}  // namespace peerwatt::settlement
