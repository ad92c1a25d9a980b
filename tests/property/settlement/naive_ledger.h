#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/numeric/int128.h"
#include "services/settlement/core/ledger/decide.h"

namespace peerwatt::settlement::ledger {

/// A ledger that does one transfer at a time, adds everything up again for each question, and takes
/// a chain back by forgetting the copy on which it was tried. Shares no rule with `Decide`.
class NaiveLedger {
 public:
  struct Answer {
    std::string outcome;  ///< `applied`, `exists`, or the reason
    int64_t entry_number = 0;
    bool operator==(const Answer&) const = default;
  };
  struct Entry {
    std::string key;
    std::vector<Posting> postings;
    bool operator==(const Entry&) const = default;
  };
  struct Sums {
    absl::int128 debits_posted = 0, credits_posted = 0, debits_pending = 0, credits_pending = 0;
  };

  void Open(const AccountState& account) { accounts_[account.id] = account; }
  /// Lets the time of holds pass.
  void SetTime(absl::Time now);
  /// Does what one caller asks for.
  std::vector<Answer> Call(const std::vector<Transfer>& transfers);

  const std::vector<Entry>& entries() const { return entries_; }
  Sums SumsOf(const AccountId& account) const;
  std::map<std::string, Hold> holds() const { return holds_; }

 private:
  struct Key {
    std::string content_hash;
    std::string refusal;
    int64_t entry_number = 0;
  };
  Answer One(const Transfer& transfer);
  std::string Refusal(const Transfer& transfer);
  std::string AccountRefusal(const std::vector<AccountId>& ids, const std::string& currency) const;
  std::string LimitRefusal(const std::vector<Posting>& postings, bool checks_debits) const;

  absl::Time now_;
  std::map<AccountId, AccountState> accounts_;
  std::map<std::string, Hold> holds_;
  std::map<std::string, Key> keys_;
  std::vector<Entry> entries_;
};

/// Draws calls, gives them to `Decide` in groups and to the naive ledger one by one.
/// Returns the first difference, or nothing.
std::string FirstLedgerFault(uint64_t seed, int steps);

}  // namespace peerwatt::settlement::ledger
