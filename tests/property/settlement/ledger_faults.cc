// Gives drawn calls to `Decide` in groups and to the naive ledger one by one.

#include <algorithm>
#include <random>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tests/property/settlement/naive_ledger.h"

namespace peerwatt::settlement::ledger {
namespace {

const absl::Time kStart = absl::FromUnixSeconds(1'782'864'000);

// A ledger that keeps nothing but what decisions say is to be written, as a database does.
struct KeptLedger {
  absl::Time now = kStart;
  int64_t entry_count = 0;
  std::map<AccountId, AccountState> accounts;
  std::map<std::string, KnownKey> keys;
  std::map<std::string, Hold> holds;
  std::vector<AppendedEntry> entries;

  Book BookOf() const {
    Book book;
    book.now = now;
    book.entry_count = entry_count;
    book.accounts.insert(accounts.begin(), accounts.end());
    book.keys.insert(keys.begin(), keys.end());
    book.holds.insert(holds.begin(), holds.end());
    return book;
  }

  /// Returns what is wrong with the decision by itself, or nothing.
  std::string Keep(const Decision& decision) {
    for (const AppendedEntry& entry : decision.entries) {
      if (entry.number != ++entry_count) return "entry numbers have a gap";
      for (size_t i = 0; i < entry.accounts.size(); ++i) {
        AccountState& account = accounts.at(entry.entry.postings[i].account);
        if (entry.accounts[i] != account.number) return "an entry has another's account";
        account.counters.debits_posted = Money::Micros(entry.closing[2 * i]);
        account.counters.credits_posted = Money::Micros(entry.closing[2 * i + 1]);
      }
      if (keys.contains(entry.entry.idempotency_key)) return "a key posts twice";
      keys[entry.entry.idempotency_key] = {entry.content_hash, nullptr, entry.number};
      entries.push_back(entry);
    }
    for (const RememberedKey& key : decision.keys) {
      if (keys.contains(key.key)) return absl::StrCat("key ", key.key, " is remembered twice");
      keys[key.key] = {key.content_hash, key.refusal, 0};
    }
    for (const std::string& key : decision.new_holds) {
      if (!holds.emplace(key, decision.book.holds.at(key)).second) return "a hold is new twice";
    }
    for (const std::string& key : decision.changed_holds) {
      holds.at(key) = decision.book.holds.at(key);
    }
    for (const AccountId& id : decision.changed_pending) {
      const Counters& after = decision.book.accounts.at(id).counters;
      accounts.at(id).counters.debits_pending = after.debits_pending;
      accounts.at(id).counters.credits_pending = after.credits_pending;
    }
    return "";
  }
};

class Drawing {
 public:
  explicit Drawing(uint64_t seed) : random_(seed) {}

  int64_t Draw(int64_t low, int64_t high) {
    return std::uniform_int_distribution<int64_t>(low, high)(random_);
  }
  bool OneIn(int64_t n) { return Draw(1, n) == 1; }

  std::vector<AccountState> Accounts() {
    std::vector<AccountState> accounts;
    for (int i = 0; i < 7; ++i) {
      AccountState account;
      account.id = AccountId(absl::StrCat("a", i));
      account.number = i + 1;
      account.currency = i == 5 ? "USD" : "EUR";
      account.closed = i == 6;
      if (i == 1 || i == 2) account.limits.debit = Money::Micros(i == 1 ? 0 : 50);
      if (i == 2 || i == 3) account.limits.credit = Money::Micros(60);
      accounts.push_back(account);
    }
    return accounts;
  }

  std::vector<Transfer> Call(absl::Time now) {
    std::vector<Transfer> call(static_cast<size_t>(Draw(1, 4)));
    for (Transfer& transfer : call) {
      transfer = Next(now);
      transfer.linked = OneIn(3);
    }
    if (!OneIn(10)) call.back().linked = false;
    return call;
  }

 private:
  AccountId Account() {
    // Most of the time one that exists and is open.
    const int64_t at = OneIn(12) ? Draw(0, 8) : Draw(0, 4);
    return AccountId(absl::StrCat("a", at));
  }
  Money Amount() {
    if (OneIn(40)) return Money::Micros(Draw(1, 2) << 61);
    return Money::Micros(Draw(1, 60));
  }
  std::string Key() {
    // Old ones now and then.
    if (count_ > 0 && OneIn(5)) {
      return absl::StrCat("k", Draw(count_ - std::min<int64_t>(count_, 30), count_));
    }
    return absl::StrCat("k", ++count_);
  }

  Transfer Next(absl::Time now) {
    if (!sent_.empty() && OneIn(8)) return sent_[static_cast<size_t>(Draw(0, Newest()))];
    Transfer transfer;
    transfer.key = Key();
    transfer.currency = OneIn(25) ? "USD" : "EUR";
    const int64_t kind = Draw(1, 8);
    if (kind <= 4) {
      DrawEntry(transfer);
    } else if (kind <= 6) {
      transfer.kind = TransferKind::kHold;
      transfer.debit = Account();
      do {
        transfer.credit = OneIn(2) ? AccountId() : Account();
      } while (transfer.credit == transfer.debit);
      transfer.amount = Amount();
      if (OneIn(2)) transfer.expires_at = now + absl::Seconds(Draw(0, 6));
      hold_keys_.push_back(transfer.key);
    } else {
      transfer.kind = kind == 7 ? TransferKind::kCapture : TransferKind::kVoid;
      transfer.currency.clear();
      transfer.hold = hold_keys_.empty() || OneIn(15)
                          ? "unknown"
                          : hold_keys_[static_cast<size_t>(
                                Draw(std::max<int64_t>(0, HoldCount() - 8), HoldCount() - 1))];
      if (kind == 7) {
        if (!OneIn(3)) transfer.credit = Account();
        if (OneIn(2)) transfer.amount = Amount();
      }
    }
    transfer.content_hash = ContentOf(transfer);
    sent_.push_back(transfer);
    return transfer;
  }

  void DrawEntry(Transfer& transfer) {
    while (true) {
      const Money amount = Amount();
      std::vector<Posting> postings{{Account(), -amount}, {Account(), amount}};
      if (OneIn(4)) {
        const Money part = Money::Micros(Draw(-20, 20));
        postings.push_back({Account(), part});
        postings.push_back({Account(), -part});
      }
      const auto entry = MakeEntry("transfer", transfer.key, std::nullopt, postings);
      if (!entry.has_value()) continue;
      transfer.postings = entry->postings;
      return;
    }
  }
  int64_t Newest() const { return static_cast<int64_t>(sent_.size()) - 1; }
  int64_t HoldCount() const { return static_cast<int64_t>(hold_keys_.size()); }

  std::mt19937_64 random_;
  int64_t count_ = 0;
  std::vector<Transfer> sent_;
  std::vector<std::string> hold_keys_;
};

std::string TextOf(const TransferResult& result) {
  if (result.outcome == Outcome::kApplied) return "applied";
  if (result.outcome == Outcome::kExists) return "exists";
  return std::string(result.reason->name);
}

std::string Compare(const KeptLedger& kept, const NaiveLedger& naive) {
  if (kept.entries.size() != naive.entries().size()) return "the journals differ in length";
  for (const auto& [id, account] : kept.accounts) {
    const NaiveLedger::Sums sums = naive.SumsOf(id);
    const Counters& counters = account.counters;
    if (counters.debits_posted.micros() != sums.debits_posted ||
        counters.credits_posted.micros() != sums.credits_posted) {
      return absl::StrCat("posted sums of ", id.value(), " differ");
    }
    if (counters.debits_pending.micros() != sums.debits_pending ||
        counters.credits_pending.micros() != sums.credits_pending) {
      return absl::StrCat("pending sums of ", id.value(), " differ");
    }
  }
  if (kept.holds != naive.holds()) return "holds differ";
  return "";
}

}  // namespace

std::string FirstLedgerFault(uint64_t seed, int steps) {
  Drawing drawing(seed);
  KeptLedger kept;
  NaiveLedger naive;
  for (const AccountState& account : drawing.Accounts()) {
    kept.accounts[account.id] = account;
    naive.Open(account);
  }
  for (int step = 0; step < steps; ++step) {
    kept.now += absl::Seconds(drawing.Draw(0, 2));
    naive.SetTime(kept.now);
    std::vector<std::vector<Transfer>> calls(static_cast<size_t>(drawing.Draw(1, 4)));
    std::vector<absl::Span<const Transfer>> spans;
    std::vector<NaiveLedger::Answer> expected;
    for (std::vector<Transfer>& call : calls) {
      call = drawing.Call(kept.now);
      spans.emplace_back(call);
      const auto answers = naive.Call(call);
      expected.insert(expected.end(), answers.begin(), answers.end());
    }
    const Decision decision = Decide(spans, kept.BookOf());
    std::vector<NaiveLedger::Answer> answers;
    for (const TransferResult& result : decision.results) {
      answers.push_back({TextOf(result), result.entry_number});
    }
    const auto text = [](const std::vector<NaiveLedger::Answer>& list) {
      return absl::StrJoin(list, " ", [](std::string* out, const NaiveLedger::Answer& answer) {
        absl::StrAppend(out, answer.outcome, "/", answer.entry_number);
      });
    };
    std::string fault = kept.Keep(decision);
    if (fault.empty() && answers != expected) {
      fault = absl::StrCat("answers: ", text(answers), " instead of ", text(expected));
    }
    if (fault.empty()) fault = Compare(kept, naive);
    if (!fault.empty()) return absl::StrCat("step ", step, ": ", fault);
  }
  return "";
}

}  // namespace peerwatt::settlement::ledger
