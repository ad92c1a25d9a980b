#include "services/settlement/core/ledger/decide.h"

#include <utility>

#include "absl/container/flat_hash_set.h"
#include "libs/base/check.h"
#include "services/settlement/core/ledger/limits.h"
#include "services/settlement/core/ledger/mutant.h"

namespace peerwatt::settlement::ledger {
namespace {

/// Walks through the calls and keeps what is needed to take a chain back.
class Decider {
 public:
  explicit Decider(Book book) { decision_.book = std::move(book); }

  void ExpireDue() {
    for (auto& [key, hold] : book().holds) {
      if (hold.state == HoldState::kOpen && IsOver(hold)) {
        PW_LEDGER_MUTANT(kExpiredStaysPending, Keep(hold), End(hold, HoldState::kExpired));
        hold.state = HoldState::kExpired;
      }
    }
    CommitChain();
  }

  void Call(absl::Span<const Transfer> transfers) {
    for (size_t begin = 0; begin < transfers.size();) {
      size_t end = begin;
      while (end + 1 < transfers.size() && transfers[end].linked) ++end;
      Chain(transfers.subspan(begin, end + 1 - begin));
      begin = end + 1;
    }
  }

  Decision Finish() && {
    for (const AccountId& id : pending_) decision_.changed_pending.push_back(id);
    return std::move(decision_);
  }

 private:
  Book& book() { return decision_.book; }

  void Chain(absl::Span<const Transfer> chain) {
    const size_t first = decision_.results.size();
    if (PW_LEDGER_MUTANT(kOpenChainPasses, false, chain.back().linked)) {
      decision_.results.resize(first + chain.size(), {Outcome::kRefused, &kLinkedFailed});
      decision_.results.back().reason = &kLinkOpen;
      return;
    }
    for (size_t i = 0; i < chain.size(); ++i) {
      TransferResult result = Judge(chain[i]);
      const bool refused = result.outcome == Outcome::kRefused;
      decision_.results.push_back(std::move(result));
      if (!refused) continue;
      Undo();
      for (size_t k = first; k < first + i; ++k) {
        TransferResult& other = decision_.results[k];
        if (other.outcome == Outcome::kApplied) other = {Outcome::kRefused, &kLinkedFailed};
      }
      if (PW_LEDGER_MUTANT(kChainGoesOnAfterFailure, true, false)) continue;
      decision_.results.resize(first + chain.size(), {Outcome::kRefused, &kLinkedFailed});
      break;
    }
    CommitChain();
  }

  /// Judges one transfer and applies it unless it is refused. Remembers the refusal.
  TransferResult Judge(const Transfer& transfer) {
    const auto known = book().keys.find(transfer.key);
    if (known != book().keys.end()) {
      const KnownKey& key = known->second;
      if (PW_LEDGER_MUTANT(kContentIsNotCompared, false,
                           key.content_hash != transfer.content_hash)) {
        return {Outcome::kRefused, &kContentDiffers};
      }
      if (key.refusal != nullptr) return {Outcome::kRefused, key.refusal};
      return {Outcome::kExists, nullptr, key.entry_number};
    }
    const int64_t entries_before = book().entry_count;
    if (const ErrorReason* reason = Apply(transfer)) {
      if (PW_LEDGER_MUTANT(kRefusalIsForgotten, false, true)) Remember(transfer, reason);
      return {Outcome::kRefused, reason};
    }
    const int64_t number = book().entry_count > entries_before ? book().entry_count : 0;
    if (number == 0) decision_.keys.push_back({transfer.key, transfer.kind,
                                               transfer.content_hash, nullptr});
    if (PW_LEDGER_MUTANT(kKeyIsForgottenInBatch, false, true)) {
      book().keys[transfer.key] = {transfer.content_hash, nullptr, number};
    }
    undo_keys_.push_back(transfer.key);
    return {Outcome::kApplied, nullptr, number};
  }

  /// Refusals outlive the chain that they end.
  void Remember(const Transfer& transfer, const ErrorReason* reason) {
    refusals_.push_back({transfer.key, transfer.kind, transfer.content_hash, reason});
    book().keys[transfer.key] = {transfer.content_hash, reason, 0};
  }

  const ErrorReason* Apply(const Transfer& transfer) {
    switch (transfer.kind) {
      case TransferKind::kEntry:
        return ApplyEntry(transfer);
      case TransferKind::kHold:
        return ApplyHold(transfer);
      case TransferKind::kCapture:
        return ApplyCapture(transfer);
      case TransferKind::kVoid:
        return ApplyVoid(transfer);
    }
    PW_CHECK(false, "a transfer has a known kind");
  }

  AccountState* Find(const AccountId& id) {
    const auto found = book().accounts.find(id);
    return found == book().accounts.end() ? nullptr : &found->second;
  }

  /// The first of the rules about accounts themselves that one of them breaks.
  const ErrorReason* Check(absl::Span<AccountState* const> accounts, const std::string& currency) {
    for (const AccountState* account : accounts) {
      if (account == nullptr) return &kAccountNotFound;
    }
    for (const AccountState* account : accounts) {
      if (PW_LEDGER_MUTANT(kClosedAccountIsUsed, false, account->closed)) return &kAccountClosed;
    }
    for (const AccountState* account : accounts) {
      if (PW_LEDGER_MUTANT(kCurrencyIsIgnored, false, account->currency != currency)) {
        return &kCurrencyDiffers;
      }
    }
    return nullptr;
  }

  const ErrorReason* ApplyEntry(const Transfer& transfer) {
    PW_CHECK(transfer.postings.size() >= 2, "an entry has two postings or more");
    std::vector<AccountState*> accounts;
    accounts.reserve(transfer.postings.size());
    for (const Posting& posting : transfer.postings) accounts.push_back(Find(posting.account));
    if (const ErrorReason* reason = Check(accounts, transfer.currency)) return reason;
    for (size_t i = 0; i < accounts.size(); ++i) {
      Counters counters = accounts[i]->counters;
      if (!Post(transfer.postings[i].amount, counters)) return &kCounterOverflow;
    }
    for (size_t i = 0; i < accounts.size(); ++i) {
      const Money amount = transfer.postings[i].amount;
      if (amount < Money() && !DebitFits(*accounts[i], -amount)) return &kDebitLimit;
    }
    for (size_t i = 0; i < accounts.size(); ++i) {
      const Money amount = transfer.postings[i].amount;
      if (amount > Money() && !CreditFits(*accounts[i], amount)) return &kCreditLimit;
    }
    AppendEntry(transfer.key, transfer.content_hash, transfer.postings, accounts);
    return nullptr;
  }

  void AppendEntry(const std::string& key, const std::string& hash,
                   const std::vector<Posting>& postings,
                   absl::Span<AccountState* const> accounts) {
    AppendedEntry& appended = decision_.entries.emplace_back();
    appended.number = ++book().entry_count;
    appended.entry = {kTransferLabel, key, std::nullopt, postings};
    appended.content_hash = hash;
    appended.accounts.reserve(accounts.size());
    appended.closing.reserve(2 * accounts.size());
    for (size_t i = 0; i < accounts.size(); ++i) {
      AccountState& account = *accounts[i];
      [[maybe_unused]] const Counters before = account.counters;
      KeepForUndo(account);
      PW_CHECK(Post(postings[i].amount, account.counters), "the counters were checked");
      const Counters& after = PW_LEDGER_MUTANT(kClosingIsBefore, before, account.counters);
      appended.accounts.push_back(account.number);
      appended.closing.push_back(after.debits_posted.micros());
      appended.closing.push_back(after.credits_posted.micros());
    }
  }

  const ErrorReason* ApplyHold(const Transfer& transfer) {
    std::vector<AccountState*> accounts{Find(transfer.debit)};
    if (!transfer.credit.empty()) accounts.push_back(Find(transfer.credit));
    if (const ErrorReason* reason = Check(accounts, transfer.currency)) return reason;
    const auto [hold, inserted] = book().holds.try_emplace(transfer.key);
    // The key is new, but a hold of the market may have its name.
    if (!inserted) return &kContentDiffers;
    hold->second = {transfer.key,    transfer.debit,   transfer.credit,    transfer.amount,
                    transfer.amount, HoldState::kOpen, transfer.expires_at};
    if (const ErrorReason* reason = CheckHold(transfer, accounts, hold->second)) {
      book().holds.erase(hold);
      return reason;
    }
    undo_new_holds_.push_back(transfer.key);
    Reserve(hold->second, transfer.amount);
    return nullptr;
  }

  const ErrorReason* CheckHold(const Transfer& transfer, absl::Span<AccountState* const> accounts,
                               const Hold& hold) {
    if (IsOver(hold)) return &kHoldExpired;
    const Money amount = transfer.amount;
    if (!Sum(accounts[0]->counters.debits_pending, amount).has_value()) return &kCounterOverflow;
    if (accounts.size() > 1 &&
        !Sum(accounts[1]->counters.credits_pending, amount).has_value()) {
      return &kCounterOverflow;
    }
    if (!DebitFits(*accounts[0], amount)) return &kDebitLimit;
    if (accounts.size() > 1 && !CreditFits(*accounts[1], amount)) return &kCreditLimit;
    return nullptr;
  }

  /// The rules that captures and voids share. Sets `hold` when none is broken.
  const ErrorReason* FindOpenHold(const Transfer& transfer, Hold*& hold) {
    const auto found = book().holds.find(transfer.hold);
    if (found == book().holds.end()) return &kHoldNotFound;
    const HoldState state = found->second.state;
    if (state == HoldState::kExpired) return &kHoldExpired;
    if (PW_LEDGER_MUTANT(kEndedHoldIsCapturedAgain, false, state != HoldState::kOpen)) {
      return &kHoldEnded;
    }
    hold = &found->second;
    return nullptr;
  }

  const ErrorReason* ApplyCapture(const Transfer& transfer) {
    Hold* hold = nullptr;
    if (const ErrorReason* reason = FindOpenHold(transfer, hold)) return reason;
    const AccountId& payee = hold->credit.empty() ? transfer.credit : hold->credit;
    if (payee.empty() || payee == hold->debit ||
        (!transfer.credit.empty() && transfer.credit != payee)) {
      return &kPayeeDiffers;
    }
    const Money amount = transfer.amount == Money() ? hold->open : transfer.amount;
    if (PW_LEDGER_MUTANT(kCaptureAboveHold, false, amount > hold->open)) return &kHoldExceeded;
    const std::vector<AccountState*> accounts{Find(hold->debit), Find(payee)};
    PW_CHECK(accounts[0] != nullptr, "the account of a hold exists");
    if (const ErrorReason* reason = Check(accounts, accounts[0]->currency)) return reason;
    Counters debit = accounts[0]->counters;
    Counters credit = accounts[1]->counters;
    if (!Post(-amount, debit) || !Post(amount, credit)) return &kCounterOverflow;
    if (hold->credit.empty() && !CreditFits(*accounts[1], amount)) return &kCreditLimit;
    if (PW_LEDGER_MUTANT(kCaptureKeepsTheRest, amount < hold->open, false)) {
      Keep(*hold);
      Reserve(*hold, -amount);
      hold->open -= amount;
    } else {
      End(*hold, HoldState::kCaptured);
    }
    AppendEntry(transfer.key, transfer.content_hash,
                {{accounts[0]->id, -amount}, {accounts[1]->id, amount}}, accounts);
    return nullptr;
  }

  const ErrorReason* ApplyVoid(const Transfer& transfer) {
    Hold* hold = nullptr;
    if (const ErrorReason* reason = FindOpenHold(transfer, hold)) return reason;
    if (PW_LEDGER_MUTANT(kVoidKeepsPending, true, false)) {
      Keep(*hold);
      hold->state = HoldState::kVoided;
      return nullptr;
    }
    End(*hold, HoldState::kVoided);
    return nullptr;
  }

  bool IsOver(const Hold& hold) {
    return PW_LEDGER_MUTANT(kExpiryIsLate, hold.expires_at < book().now,
                            hold.expires_at <= book().now);
  }

  void End(Hold& hold, HoldState state) {
    Keep(hold);
    Reserve(hold, -hold.open);
    hold.state = state;
    hold.open = Money();
  }

  /// Adds to what the hold's accounts have pending.
  void Reserve(const Hold& hold, Money amount) {
    AccountState* debit = Find(hold.debit);
    PW_CHECK(debit != nullptr, "the account of a hold exists");
    KeepForUndo(*debit);
    debit->counters.debits_pending += amount;
    pending_.insert(hold.debit);
    if (hold.credit.empty()) return;
    AccountState* credit = Find(hold.credit);
    PW_CHECK(credit != nullptr, "the account of a hold exists");
    KeepForUndo(*credit);
    if (PW_LEDGER_MUTANT(kPayeePendingStays, amount > Money(), true)) {
      credit->counters.credits_pending += amount;
    }
    pending_.insert(hold.credit);
  }

  void KeepForUndo(AccountState& account) {
    undo_counters_.emplace_back(&account, account.counters);
  }
  void Keep(Hold& hold) { undo_holds_.emplace_back(&hold, hold); }

  /// Takes back what the chain did so far.
  void Undo() {
    if (PW_LEDGER_MUTANT(kChainIsNotUndone, true, false)) return;
    while (!undo_counters_.empty()) {
      undo_counters_.back().first->counters = undo_counters_.back().second;
      undo_counters_.pop_back();
    }
    while (!undo_holds_.empty()) {
      *undo_holds_.back().first = undo_holds_.back().second;
      undo_holds_.pop_back();
    }
    for (const std::string& key : undo_new_holds_) book().holds.erase(key);
    undo_new_holds_.clear();
    for (const std::string& key : undo_keys_) {
      if (PW_LEDGER_MUTANT(kUndoneKeyStays, false, true)) book().keys.erase(key);
      if (PW_LEDGER_MUTANT(kLinkedFailureIsRemembered, true, false)) {
        refusals_.push_back({key, TransferKind::kEntry, book().keys[key].content_hash,
                             &kLinkedFailed});
      }
    }
    undo_keys_.clear();
    decision_.entries.resize(entries_kept_);
    decision_.keys.resize(keys_kept_);
    book().entry_count = PW_LEDGER_MUTANT(kNumberIsSkippedOnUndo, book().entry_count,
                                          entry_count_kept_);
  }

  /// Nothing of what was done so far is taken back any more.
  void CommitChain() {
    for (const auto& [hold, before] : undo_holds_) {
      if (!is_new_.contains(hold->key) && changed_.insert(hold->key).second) {
        decision_.changed_holds.push_back(hold->key);
      }
    }
    for (std::string& key : undo_new_holds_) {
      is_new_.insert(key);
      decision_.new_holds.push_back(std::move(key));
    }
    undo_counters_.clear();
    undo_holds_.clear();
    undo_new_holds_.clear();
    undo_keys_.clear();
    for (RememberedKey& refusal : refusals_) decision_.keys.push_back(std::move(refusal));
    refusals_.clear();
    entries_kept_ = decision_.entries.size();
    keys_kept_ = decision_.keys.size();
    entry_count_kept_ = book().entry_count;
  }

  Decision decision_;
  absl::flat_hash_set<AccountId> pending_;
  absl::flat_hash_set<std::string> changed_;
  absl::flat_hash_set<std::string> is_new_;
  // Of the chain that is being judged.
  std::vector<RememberedKey> refusals_;
  std::vector<std::pair<AccountState*, Counters>> undo_counters_;
  std::vector<std::pair<Hold*, Hold>> undo_holds_;
  std::vector<std::string> undo_new_holds_;
  std::vector<std::string> undo_keys_;
  size_t entries_kept_ = 0;
  size_t keys_kept_ = 0;
  int64_t entry_count_kept_ = 0;
};

}  // namespace

Decision Decide(const std::vector<absl::Span<const Transfer>>& calls, Book book) {
  Decider decider(std::move(book));
  decider.ExpireDue();
  for (const absl::Span<const Transfer>& call : calls) decider.Call(call);
  return std::move(decider).Finish();
}

}  // namespace peerwatt::settlement::ledger
