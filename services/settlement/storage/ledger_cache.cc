#include "services/settlement/storage/ledger_cache.h"

#include <algorithm>
#include <bit>

namespace peerwatt::settlement {
namespace {

// Accounts that are kept at most; more are read again when they are needed.
constexpr size_t kAccountsMax = 2'000'000;
// Accounts that are written back together, at most: neighbours in their table and its index.
constexpr int64_t kSliceAccounts = 256;

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

int64_t CachedLedger::others_entry_no() const {
  absl::MutexLock lock(&mutex_);
  return others_entry_no_;
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
  others_entry_no_ = position.entry_count;
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

std::vector<CachedLedger::Fold> CachedLedger::DueFolds(int64_t entries_before,
                                                       const LedgerPosition& after,
                                                       int64_t tail_max) const {
  // Which slices have their turn follows from the number of entries alone: a process that starts
  // goes on where another ended.
  const auto slices = static_cast<int64_t>(std::bit_ceil(
      static_cast<uint64_t>((after.account_count + kSliceAccounts - 1) / kSliceAccounts)));
  const int64_t entries_per_slice = std::max<int64_t>(tail_max / slices, 1);
  const int64_t slice_accounts = (after.account_count + slices - 1) / slices;
  const int64_t last = after.entry_count / entries_per_slice;
  const int64_t first = std::max(entries_before / entries_per_slice, last - slices) + 1;
  std::vector<Fold> folds;
  for (int64_t turn = first; turn <= last; ++turn) {
    const int64_t begin = turn % slices * slice_accounts + 1;
    for (int64_t number = begin; number < begin + slice_accounts; ++number) {
      const auto account = static_cast<ledger::AccountNumber>(number);
      const auto tail = tails_.find(account);
      if (tail != tails_.end()) folds.push_back({account, tail->second});
    }
  }
  std::sort(folds.begin(), folds.end(),
            [](const Fold& a, const Fold& b) { return a.account < b.account; });
  return folds;
}

std::pair<std::vector<CachedLedger::Fold>, int64_t> CachedLedger::PlanFold(
    const std::vector<ClosingRow>& appended, const LedgerPosition& after,
    int64_t tail_max) const {
  const int64_t entries_before =
      after.entry_count - static_cast<int64_t>(appended.size());
  absl::MutexLock lock(&mutex_);
  std::vector<Fold> folds = DueFolds(entries_before, after, tail_max);
  absl::flat_hash_map<ledger::AccountNumber, size_t> planned;
  for (size_t i = 0; i < folds.size(); ++i) planned.emplace(folds[i].account, i);
  int64_t folded = entries_before;
  for (const auto& [first, account] : unfolded_) {
    const auto tail = tails_.find(account);
    if (tail == tails_.end() || tail->second.entry_numbers.front() != first) continue;
    if (planned.contains(account)) continue;
    folded = first - 1;
    break;
  }
  for (const ClosingRow& row : appended) {
    if (planned.empty()) break;
    for (size_t i = 0; i < row.accounts.size(); ++i) {
      const auto fold = planned.find(row.accounts[i]);
      if (fold != planned.end()) AppendTo(folds[fold->second].tail, row, i);
    }
  }
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
