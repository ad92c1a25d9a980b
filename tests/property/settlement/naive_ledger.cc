#include "tests/property/settlement/naive_ledger.h"

#include <limits>

namespace peerwatt::settlement::ledger {
namespace {

constexpr absl::int128 kLargest = std::numeric_limits<int64_t>::max();

}  // namespace

void NaiveLedger::SetTime(absl::Time now) {
  now_ = now;
  for (auto& [key, hold] : holds_) {
    if (hold.state == HoldState::kOpen && hold.expires_at <= now) {
      hold.state = HoldState::kExpired;
      hold.open = Money();
    }
  }
}

NaiveLedger::Sums NaiveLedger::SumsOf(const AccountId& account) const {
  Sums sums;
  for (const Entry& entry : entries_) {
    for (const Posting& posting : entry.postings) {
      if (posting.account != account) continue;
      const int64_t micros = posting.amount.micros();
      (micros < 0 ? sums.debits_posted : sums.credits_posted) += micros < 0 ? -micros : micros;
    }
  }
  for (const auto& [key, hold] : holds_) {
    if (hold.state != HoldState::kOpen) continue;
    if (hold.debit == account) sums.debits_pending += hold.open.micros();
    if (hold.credit == account) sums.credits_pending += hold.open.micros();
  }
  return sums;
}

std::vector<NaiveLedger::Answer> NaiveLedger::Call(const std::vector<Transfer>& transfers) {
  std::vector<Answer> answers;
  for (size_t i = 0; i < transfers.size();) {
    size_t end = i + 1;
    while (end < transfers.size() && transfers[end - 1].linked) ++end;
    if (transfers[end - 1].linked) {
      for (; i + 1 < end; ++i) answers.push_back({"LINKED_FAILED"});
      answers.push_back({"LINK_OPEN"});
      break;
    }
    NaiveLedger tried = *this;
    std::vector<Answer> chain;
    std::optional<Transfer> culprit;
    for (size_t k = i; k < end; ++k) {
      if (culprit.has_value()) {
        chain.push_back({"LINKED_FAILED"});
        continue;
      }
      chain.push_back(tried.One(transfers[k]));
      const std::string& outcome = chain.back().outcome;
      if (outcome != "applied" && outcome != "exists") culprit = transfers[k];
    }
    if (!culprit.has_value()) {
      *this = std::move(tried);
    } else {
      const auto refused = tried.keys_.find(culprit->key);
      if (refused != tried.keys_.end() && !refused->second.refusal.empty() &&
          !keys_.contains(culprit->key)) {
        keys_[culprit->key] = refused->second;
      }
      for (Answer& answer : chain) {
        if (answer.outcome == "applied") answer = {"LINKED_FAILED"};
      }
    }
    answers.insert(answers.end(), chain.begin(), chain.end());
    i = end;
  }
  return answers;
}

NaiveLedger::Answer NaiveLedger::One(const Transfer& transfer) {
  const auto known = keys_.find(transfer.key);
  if (known != keys_.end()) {
    if (known->second.content_hash != transfer.content_hash) return {"CONTENT_DIFFERS"};
    if (!known->second.refusal.empty()) return {known->second.refusal};
    return {"exists", known->second.entry_number};
  }
  const size_t entries = entries_.size();
  const std::string refusal = Refusal(transfer);
  const auto number = static_cast<int64_t>(entries_.size() > entries ? entries_.size() : 0);
  keys_[transfer.key] = {transfer.content_hash, refusal, number};
  return {refusal.empty() ? "applied" : refusal, number};
}

std::string NaiveLedger::AccountRefusal(const std::vector<AccountId>& ids,
                                        const std::string& currency) const {
  for (const AccountId& id : ids) {
    if (!accounts_.contains(id)) return "ACCOUNT_NOT_FOUND";
  }
  for (const AccountId& id : ids) {
    if (accounts_.at(id).closed) return "ACCOUNT_CLOSED";
  }
  for (const AccountId& id : ids) {
    if (accounts_.at(id).currency != currency) return "CURRENCY_DIFFERS";
  }
  return "";
}

std::string NaiveLedger::LimitRefusal(const std::vector<Posting>& postings,
                                      bool checks_debits) const {
  for (const Posting& posting : postings) {
    const Sums sums = SumsOf(posting.account);
    const std::optional<Money> limit = accounts_.at(posting.account).limits.debit;
    if (!checks_debits || posting.amount > Money() || !limit.has_value()) continue;
    if (sums.debits_posted + sums.debits_pending - posting.amount.micros() >
        sums.credits_posted + limit->micros()) {
      return "DEBIT_LIMIT_EXCEEDED";
    }
  }
  for (const Posting& posting : postings) {
    const Sums sums = SumsOf(posting.account);
    const std::optional<Money> limit = accounts_.at(posting.account).limits.credit;
    if (posting.amount < Money() || !limit.has_value()) continue;
    if (sums.credits_posted + sums.credits_pending + posting.amount.micros() >
        sums.debits_posted + limit->micros()) {
      return "CREDIT_LIMIT_EXCEEDED";
    }
  }
  return "";
}

std::string NaiveLedger::Refusal(const Transfer& transfer) {
  if (transfer.kind == TransferKind::kEntry) {
    std::vector<AccountId> ids;
    for (const Posting& posting : transfer.postings) ids.push_back(posting.account);
    std::string refusal = AccountRefusal(ids, transfer.currency);
    for (const Posting& posting : transfer.postings) {
      if (!refusal.empty()) break;
      const Sums sums = SumsOf(posting.account);
      const absl::int128 micros = posting.amount.micros();
      if ((micros < 0 ? sums.debits_posted - micros : sums.credits_posted + micros) > kLargest) {
        refusal = "COUNTER_OVERFLOW";
      }
    }
    if (refusal.empty()) refusal = LimitRefusal(transfer.postings, true);
    if (refusal.empty()) entries_.push_back({transfer.key, transfer.postings});
    return refusal;
  }
  if (transfer.kind == TransferKind::kHold) {
    std::vector<AccountId> ids{transfer.debit};
    std::vector<Posting> postings{{transfer.debit, -transfer.amount}};
    if (!transfer.credit.empty()) {
      ids.push_back(transfer.credit);
      postings.push_back({transfer.credit, transfer.amount});
    }
    std::string refusal = AccountRefusal(ids, transfer.currency);
    if (refusal.empty() && transfer.expires_at <= now_) refusal = "HOLD_EXPIRED";
    if (refusal.empty() &&
        (SumsOf(transfer.debit).debits_pending + transfer.amount.micros() > kLargest ||
         (!transfer.credit.empty() &&
          SumsOf(transfer.credit).credits_pending + transfer.amount.micros() > kLargest))) {
      refusal = "COUNTER_OVERFLOW";
    }
    if (refusal.empty()) refusal = LimitRefusal(postings, true);
    if (refusal.empty()) {
      holds_[transfer.key] = {transfer.key,    transfer.debit,  transfer.credit,
                              transfer.amount, transfer.amount, HoldState::kOpen,
                              transfer.expires_at};
    }
    return refusal;
  }
  const auto found = holds_.find(transfer.hold);
  if (found == holds_.end()) return "HOLD_NOT_FOUND";
  Hold& hold = found->second;
  if (hold.state == HoldState::kExpired) return "HOLD_EXPIRED";
  if (hold.state != HoldState::kOpen) return "HOLD_ENDED";
  if (transfer.kind == TransferKind::kVoid) {
    hold.state = HoldState::kVoided;
    hold.open = Money();
    return "";
  }
  const bool names_payee = !hold.credit.empty();
  const AccountId payee = names_payee ? hold.credit : transfer.credit;
  if (payee.empty() || payee == hold.debit) return "PAYEE_DIFFERS";
  if (!transfer.credit.empty() && transfer.credit != payee) return "PAYEE_DIFFERS";
  const Money amount = transfer.amount == Money() ? hold.open : transfer.amount;
  if (amount > hold.open) return "HOLD_EXCEEDED";
  const std::string refusal =
      AccountRefusal({hold.debit, payee}, accounts_.at(hold.debit).currency);
  if (!refusal.empty()) return refusal;
  if (SumsOf(hold.debit).debits_posted + amount.micros() > kLargest ||
      SumsOf(payee).credits_posted + amount.micros() > kLargest) {
    return "COUNTER_OVERFLOW";
  }
  if (!names_payee) {
    const std::string limit = LimitRefusal({{payee, amount}}, false);
    if (!limit.empty()) return limit;
  }
  entries_.push_back({transfer.key, {{hold.debit, -amount}, {payee, amount}}});
  hold.state = HoldState::kCaptured;
  hold.open = Money();
  return "";
}

}  // namespace peerwatt::settlement::ledger
