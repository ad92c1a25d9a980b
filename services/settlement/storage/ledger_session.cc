#include "services/settlement/storage/ledger_session.h"

#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "libs/base/check.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/postgres/codec.h"
#include "services/settlement/core/ledger/limits.h"
#include "services/settlement/storage/ledger_folds.h"
#include "services/settlement/storage/ledger_queries.h"

namespace peerwatt::settlement {
namespace {

using ledger::AccountNumber;
using ledger::AccountState;
using ledger::AppendedEntry;
using postgres::Exec;
using postgres::Int32From;
using postgres::Int64From;
using postgres::TextFrom;
using postgres::ToSql;
using postgres::ToSqlArray;

// From here on, COPY costs less than a statement with arrays, which costs no round trip.
constexpr size_t kCopyEntriesMin = 128;

std::vector<std::string> ValuesOf(const std::vector<AccountId>& accounts) {
  std::vector<std::string> values;
  values.reserve(accounts.size());
  for (const AccountId& account : accounts) values.push_back(account.value());
  return values;
}

int64_t LimitOf(const std::optional<Money>& limit) {
  return limit.has_value() ? limit->micros() : -1;
}

/// What an account may do that is opened because somebody is paid: a participant spends no more
/// than it has.
ledger::Limits DefaultLimits(const AccountId& account) {
  ledger::Limits limits;
  if (KindOf(account) == AccountKind::kParticipant) limits.debit = Money();
  return limits;
}

std::vector<int64_t> AmountsOf(const JournalEntry& entry) {
  std::vector<int64_t> amounts;
  amounts.reserve(entry.postings.size());
  for (const Posting& posting : entry.postings) amounts.push_back(posting.amount.micros());
  return amounts;
}

}  // namespace

absl::Status LedgerNotFound(const CommunityId& community) {
  const std::string name = absl::StrCat("communities/", community.value());
  return Error(kNotFound, absl::StrCat(name, " has no ledger"), {{"resource", name}});
}

LedgerPosition PositionFrom(const pqxx::row& row) {
  LedgerPosition position;
  position.currency = TextFrom(row["currency_code"]);
  position.entry_count = Int64From(row["entry_count"]);
  position.account_count = Int32From(row["account_count"]);
  position.key_count = Int64From(row["key_count"]);
  position.folded_entry_no = Int64From(row["folded_entry_no"]);
  position.version = Int64From(row["version"]);
  position.clock_at = postgres::TimeFrom(row["clock_at"]);
  return position;
}

ClosingRow ClosingFrom(const pqxx::row& row) {
  ClosingRow closing;
  closing.number = Int64From(row["entry_no"]);
  for (const int64_t number : postgres::Int64ArrayFrom(row["account_nos"])) {
    closing.accounts.push_back(static_cast<AccountNumber>(number));
  }
  closing.closing = postgres::Int64ArrayFrom(row["closing_micros"]);
  PW_CHECK(closing.closing.size() == 2 * closing.accounts.size(), "an account has two sums");
  return closing;
}

AccountState AccountStateFrom(const pqxx::row& row) {
  const auto money = [&](const char* column) { return Money::Micros(Int64From(row[column])); };
  const auto limit = [&](const char* column) -> std::optional<Money> {
    const std::optional<int64_t> micros = postgres::OptionalInt64From(row[column]);
    return micros.has_value() ? std::optional<Money>(Money::Micros(*micros)) : std::nullopt;
  };
  AccountState account;
  account.id = AccountId(TextFrom(row["account_id"]));
  account.number = Int32From(row["account_no"]);
  account.currency = TextFrom(row["currency_code"]);
  account.closed = postgres::BoolFrom(row["is_closed"]);
  account.limits = {limit("debit_limit_micros"), limit("credit_limit_micros")};
  account.counters = {money("debits_posted_micros"), money("credits_posted_micros"),
                      money("debits_pending_micros"), money("credits_pending_micros")};
  return account;
}

absl::Status LedgerSession::Lock(absl::Time now) {
  const pqxx::result rows = Exec(tx_, kLockLedger, community_.value(), ToSql(now));
  if (rows.empty()) return LedgerNotFound(community_);
  position_ = PositionFrom(rows[0]);
  position_.clock_at = std::max(position_.clock_at, now);
  has_due_holds_ = postgres::BoolFrom(rows[0]["has_due"]);
  if (cached_.version() > position_.version) cached_.Forget();
  if (cached_.version() != position_.version) {
    cached_.CatchUp(position_,
                    ReadTail(std::max(cached_.entry_count(), position_.folded_entry_no),
                             position_.entry_count));
  }
  return absl::OkStatus();
}

std::vector<ClosingRow> LedgerSession::ReadTail(int64_t after, int64_t through) {
  std::vector<ClosingRow> tail;
  if (after >= through) return tail;
  for (const auto& row : Exec(tx_, kSelectTail, community_.value(), after, through)) {
    tail.push_back(ClosingFrom(row));
  }
  return tail;
}

void LedgerSession::Load(const std::vector<AccountId>& ids) {
  const std::vector<AccountId> missing = cached_.Take(ids, accounts_);
  if (missing.empty()) return;
  for (const auto& row : Exec(tx_, kSelectAccountStates, community_.value(),
                              ToSqlArray(ValuesOf(missing)))) {
    AccountState account = AccountStateFrom(row);
    cached_.Overlay(account);
    accounts_.try_emplace(account.id, account);
  }
}

void LedgerSession::Ensure(const std::vector<AccountId>& ids) {
  Load(ids);
  std::vector<ledger::AccountOpening> missing;
  for (const AccountId& id : ids) {
    if (!accounts_.contains(id)) missing.push_back({id, DefaultLimits(id)});
  }
  if (!missing.empty()) Open(missing);
}

void LedgerSession::Open(const std::vector<ledger::AccountOpening>& openings) {
  std::vector<AccountId> ids;
  for (const ledger::AccountOpening& opening : openings) ids.push_back(opening.id);
  Load(ids);
  std::vector<int32_t> numbers, kinds, old_numbers;
  std::vector<std::string> names, owners;
  std::vector<int64_t> debits, credits, old_debits, old_credits;
  for (const ledger::AccountOpening& opening : openings) {
    const auto [account, is_new] = accounts_.try_emplace(opening.id);
    if (!is_new) {
      if (account->second.limits == opening.limits) continue;
      account->second.limits = opening.limits;
      old_numbers.push_back(account->second.number);
      old_debits.push_back(LimitOf(opening.limits.debit));
      old_credits.push_back(LimitOf(opening.limits.credit));
      continue;
    }
    const std::optional<AccountKind> kind = KindOf(opening.id);
    PW_CHECK(kind.has_value(), "an account has a known kind");
    AccountState& state = account->second;
    state.id = opening.id;
    state.number = ++position_.account_count;
    state.currency = position_.currency;
    state.limits = opening.limits;
    numbers.push_back(state.number);
    names.push_back(opening.id.value());
    kinds.push_back(static_cast<int32_t>(*kind));
    owners.push_back(OwnerOf(opening.id).value());
    debits.push_back(LimitOf(opening.limits.debit));
    credits.push_back(LimitOf(opening.limits.credit));
  }
  is_written_ = is_written_ || !numbers.empty() || !old_numbers.empty();
  if (!numbers.empty()) {
    Exec(tx_, kInsertAccounts, community_.value(), position_.currency, ToSqlArray(numbers),
         ToSqlArray(names), ToSqlArray(kinds), ToSqlArray(owners), ToSqlArray(debits),
         ToSqlArray(credits));
  }
  if (!old_numbers.empty()) {
    Exec(tx_, kUpdateLimits, community_.value(), ToSqlArray(old_numbers), ToSqlArray(old_debits),
         ToSqlArray(old_credits));
  }
}

int64_t LedgerSession::Post(const std::vector<JournalEntry>& entries) {
  const int64_t first = position_.entry_count + 1;
  std::vector<AccountId> ids;
  for (const JournalEntry& entry : entries) {
    for (const Posting& posting : entry.postings) ids.push_back(posting.account);
  }
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  Ensure(ids);
  std::vector<AppendedEntry> appended;
  appended.reserve(entries.size());
  for (const JournalEntry& entry : entries) {
    AppendedEntry& next = appended.emplace_back();
    next.number = first + static_cast<int64_t>(appended.size()) - 1;
    next.entry = entry;
    next.content_hash = cache_.Hash(ledger::ContentOf(entry, position_.currency));
    for (const Posting& posting : entry.postings) {
      AccountState& account = accounts_.at(posting.account);
      PW_CHECK(ledger::Post(posting.amount, account.counters), "what is posted fits 64 bits");
      next.accounts.push_back(account.number);
      next.closing.push_back(account.counters.debits_posted.micros());
      next.closing.push_back(account.counters.credits_posted.micros());
    }
  }
  Append(std::move(appended));
  EndEntries(std::move(accounts_));
  return first;
}

void LedgerSession::Append(std::vector<AppendedEntry> entries) {
  if (entries.empty()) return;
  is_written_ = true;
  position_.entry_count = entries.back().number;
  if (copy_ != nullptr || entries.size() >= kCopyEntriesMin) {
    CopyEntries(entries);
  } else {
    KeepEntries(entries);
  }
  appended_.reserve(appended_.size() + entries.size());
  for (AppendedEntry& entry : entries) {
    appended_.push_back({entry.number, std::move(entry.accounts), std::move(entry.closing)});
  }
}

void LedgerSession::EndEntries(Accounts accounts) {
  if (copy_ != nullptr) copy_->End();
  copy_.reset();
  accounts_ = std::move(accounts);
}

void LedgerSession::CopyEntries(const std::vector<AppendedEntry>& entries) {
  constexpr int16_t kColumns = 11;
  if (copy_ == nullptr) copy_ = std::make_unique<postgres::BinaryCopy>(tx_, kCopyEntries);
  std::vector<int64_t> amounts;
  for (const AppendedEntry& entry : entries) {
    amounts.clear();
    for (const Posting& posting : entry.entry.postings) amounts.push_back(posting.amount.micros());
    copy_->BeginRow(kColumns);
    copy_->Add(community_.value());
    copy_->Add(entry.number);
    copy_->Add(entry.entry.kind);
    copy_->Add(entry.entry.idempotency_key);
    copy_->Add(entry.content_hash);
    copy_->Add(position_.currency);
    copy_->Add(absl::MakeConstSpan(entry.accounts));
    copy_->Add(absl::MakeConstSpan(amounts));
    copy_->Add(absl::MakeConstSpan(entry.closing));
    if (entry.entry.period_start.has_value()) {
      copy_->Add(*entry.entry.period_start);
    } else {
      copy_->AddNull();
    }
    copy_->Add(position_.clock_at);
  }
}

void LedgerSession::KeepEntries(const std::vector<AppendedEntry>& entries) {
  for (const AppendedEntry& entry : entries) {
    few_.numbers.push_back(entry.number);
    few_.kinds.push_back(entry.entry.kind);
    few_.keys.push_back(entry.entry.idempotency_key);
    few_.hashes.push_back(absl::BytesToHexString(entry.content_hash));
    few_.accounts.push_back(ToSqlArray(entry.accounts));
    few_.amounts.push_back(ToSqlArray(AmountsOf(entry.entry)));
    few_.closing.push_back(ToSqlArray(entry.closing));
    few_.periods.push_back(ToSql(entry.entry.period_start).value_or(""));
  }
}

void LedgerSession::WritePending(const std::vector<AccountId>& ids) {
  if (ids.empty()) return;
  is_written_ = true;
  std::map<AccountNumber, const ledger::Counters*> changed;
  for (const AccountId& id : ids) {
    const AccountState& account = accounts_.at(id);
    changed[account.number] = &account.counters;
  }
  std::vector<int32_t> numbers;
  std::vector<int64_t> debits, credits;
  for (const auto& [number, counters] : changed) {
    numbers.push_back(number);
    debits.push_back(counters->debits_pending.micros());
    credits.push_back(counters->credits_pending.micros());
  }
  const pqxx::result result = Exec(tx_, kUpdatePending, community_.value(), ToSqlArray(numbers),
                                   ToSqlArray(debits), ToSqlArray(credits));
  PW_CHECK(result.affected_rows() == numbers.size(), "every changed account exists");
}

void LedgerSession::AddKeys(size_t count) {
  position_.key_count += static_cast<int64_t>(count);
  is_written_ = true;
}

void LedgerSession::Finish() {
  if (!is_written_) return;
  const int64_t tail_max = cache_.TailMax(position_.account_count);
  auto [folds, folded] = cached_.PlanFold(appended_, position_, tail_max);
  folds_ = std::move(folds);
  position_.folded_entry_no = std::max(position_.folded_entry_no, folded);
  WriteFolds(tx_, community_, folds_, cached_.others_entry_no());
  if (few_.numbers.empty()) {
    Exec(tx_, kUpdateLedger, community_.value(), position_.entry_count, position_.account_count,
         position_.key_count, position_.folded_entry_no, ToSql(position_.clock_at));
  } else {
    Exec(tx_, kInsertEntries, community_.value(), position_.entry_count, position_.account_count,
         position_.key_count, position_.folded_entry_no, ToSql(position_.clock_at),
         position_.currency, ToSqlArray(few_.numbers), ToSqlArray(few_.kinds),
         ToSqlArray(few_.keys), ToSqlArray(few_.hashes), ToSqlArray(few_.accounts),
         ToSqlArray(few_.amounts), ToSqlArray(few_.closing), ToSqlArray(few_.periods));
  }
  ++position_.version;
}

void LedgerSession::Publish() {
  if (is_written_) cached_.Publish(position_, std::move(accounts_), appended_, folds_);
}

namespace {

/// Ends a copy that a failure left open: it must not outlive its transaction.
struct CopyEnd {
  explicit CopyEnd(LedgerSession& ended) : session(ended) {}
  ~CopyEnd() { session.DropCopy(); }
  CopyEnd(const CopyEnd&) = delete;
  CopyEnd& operator=(const CopyEnd&) = delete;
  LedgerSession& session;
};

}  // namespace

absl::Status WriteLedger(
    postgres::Pool& pool, LedgerCache& cache, const CommunityId& community, absl::Time now,
    absl::FunctionRef<absl::Status(pqxx::work&, LedgerSession&)> body) {
  CachedLedger& cached = cache.Of(community);
  absl::MutexLock writing(&cached.writing());
  std::optional<LedgerSession> session;
  PW_RETURN_IF_ERROR(pool.Run([&](pqxx::work& tx) -> absl::Status {
    session.emplace(tx, community, cached, cache);
    const CopyEnd end{*session};
    PW_RETURN_IF_ERROR(session->Lock(now));
    PW_RETURN_IF_ERROR(body(tx, *session));
    session->Finish();
    return absl::OkStatus();
  }));
  session->Publish();
  return absl::OkStatus();
}

}  // namespace peerwatt::settlement
