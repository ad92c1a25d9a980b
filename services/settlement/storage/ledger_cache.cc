#include "services/settlement/storage/ledger_cache.h"

#include <algorithm>

namespace peerwatt::settlement {
namespace {

// Accounts that are kept at most; more are read again when they are needed.
constexpr size_t kAccountsMax = 2'000'000;

void AppendTo(AccountTail& tail, const ClosingRow& row, size_t posting) {
  tail.entry_numbers.push_back(row.number);
  tail.debits_posted = Money::Micros(row.closing[2 * posting]);
  tail.credits_posted = Money::Micros(row.closing[2 * posting + 1]);
}

}  // namespace

int64_t CachedLedger::version() const {
  absl::MutexLock lock(&mutex_);
  return version_;
}

int64_t CachedLedger::entry_count() const {
  absl::MutexLock lock(&mutex_);
  return entry_count_;
}

void CachedLedger::Append(const ClosingRow& row) {
  for (size_t i = 0; i < row.accounts.size(); ++i) {
    AccountTail& tail = tails_[row.accounts[i]];
    if (tail.entry_numbers.empty()) unfolded_.emplace_back(row.number, row.accounts[i]);
    AppendTo(tail, row, i);
  }
}

void CachedLedger::CatchUp(const LedgerPosition& position, const std::vector<ClosingRow>& rows) {
  absl::MutexLock lock(&mutex_);
  accounts_.clear();
  unfolded_.clear();
  for (auto it = tails_.begin(); it != tails_.end();) {
    std::vector<int64_t>& numbers = it->second.entry_numbers;
    numbers.erase(numbers.begin(),
                  std::upper_bound(numbers.begin(), numbers.end(), position.folded_entry_no));
    if (numbers.empty()) {
      tails_.erase(it++);
    } else {
      unfolded_.emplace_back(numbers.front(), it->first);
      ++it;
    }
  }
  std::sort(unfolded_.begin(), unfolded_.end());
  for (const ClosingRow& row : rows) Append(row);
  version_ = position.version;
  entry_count_ = position.entry_count;
}

void CachedLedger::Forget() {
  absl::MutexLock lock(&mutex_);
  accounts_.clear();
  tails_.clear();
  unfolded_.clear();
  version_ = -1;
  entry_count_ = 0;
}

std::vector<AccountId> CachedLedger::Take(const std::vector<AccountId>& ids,
                                          Accounts& into) const {
  std::vector<AccountId> missing;
  absl::MutexLock lock(&mutex_);
  for (const AccountId& id : ids) {
    const auto found = accounts_.find(id);
    if (found == accounts_.end()) {
      missing.push_back(id);
    } else {
      into.insert(*found);
    }
  }
  return missing;
}

void CachedLedger::Overlay(ledger::AccountState& account) const {
  absl::MutexLock lock(&mutex_);
  const auto found = tails_.find(account.number);
  if (found == tails_.end()) return;
  account.counters.debits_posted = found->second.debits_posted;
  account.counters.credits_posted = found->second.credits_posted;
}

std::optional<AccountTail> CachedLedger::TailOf(ledger::AccountNumber account) const {
  absl::MutexLock lock(&mutex_);
  const auto found = tails_.find(account);
  if (found == tails_.end()) return std::nullopt;
  return found->second;
}

std::pair<std::vector<CachedLedger::Fold>, int64_t> CachedLedger::PlanFold(
    const std::vector<ClosingRow>& appended, int64_t entry_count_after, int64_t tail_max) const {
  std::vector<Fold> folds;
  int64_t folded = entry_count_after;
  absl::flat_hash_map<ledger::AccountNumber, size_t> planned;
  absl::MutexLock lock(&mutex_);
  for (const auto& [first, account] : unfolded_) {
    const auto tail = tails_.find(account);
    if (tail == tails_.end() || tail->second.entry_numbers.front() != first) continue;
    if (first > entry_count_after - tail_max) {
      folded = first - 1;
      break;
    }
    planned.emplace(account, folds.size());
    folds.push_back({account, tail->second});
  }
  if (folded == entry_count_after && !appended.empty()) folded = appended.front().number - 1;
  for (const ClosingRow& row : appended) {
    if (planned.empty()) break;
    for (size_t i = 0; i < row.accounts.size(); ++i) {
      const auto fold = planned.find(row.accounts[i]);
      if (fold != planned.end()) AppendTo(folds[fold->second].tail, row, i);
    }
  }
  std::sort(folds.begin(), folds.end(),
            [](const Fold& a, const Fold& b) { return a.account < b.account; });
  return {std::move(folds), folded};
}

void CachedLedger::Publish(const LedgerPosition& position, Accounts accounts,
                           const std::vector<ClosingRow>& appended,
                           const std::vector<Fold>& folds) {
  absl::MutexLock lock(&mutex_);
  for (const ClosingRow& row : appended) Append(row);
  for (const Fold& fold : folds) tails_.erase(fold.account);
  while (!unfolded_.empty()) {
    const auto tail = tails_.find(unfolded_.front().second);
    if (tail != tails_.end() && tail->second.entry_numbers.front() == unfolded_.front().first) {
      break;
    }
    unfolded_.pop_front();
  }
  if (accounts_.size() > kAccountsMax) accounts_.clear();
  for (auto& [id, account] : accounts) accounts_[id] = std::move(account);
  version_ = position.version;
  entry_count_ = position.entry_count;
}

CachedLedger& LedgerCache::Of(const CommunityId& community) {
  absl::MutexLock lock(&mutex_);
  std::unique_ptr<CachedLedger>& ledger = ledgers_[community];
  if (ledger == nullptr) ledger = std::make_unique<CachedLedger>();
  return *ledger;
}

}  // namespace peerwatt::settlement
