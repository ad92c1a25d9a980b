#pragma once

#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/time/time.h"
#include "services/settlement/core/payments/bank_statement.h"

namespace peerwatt::settlement {

/// What was asked of the bank.
struct BankOrder {
  /// What the entry will be: negative for a payout, positive for a collection.
  Money amount;
  /// Whether the bank has booked it.
  bool booked = false;
  /// Whether it came back after it was booked.
  bool returned = false;
};

/// Orders by end-to-end id.
using BankOrders = absl::flat_hash_map<std::string, BankOrder>;

/// What an entry of a statement turned out to be.
enum class MatchKind {
  /// The bank booked an order.
  kBooked,
  /// A booked order came back: refused, returned, or reversed.
  kReturned,
  /// Money that nobody asked for: a transfer by a member, or something to look at.
  kIncoming,
  /// Stood on a statement before; nothing is done again.
  kDuplicate,
  /// Names an order, and does not fit it: another amount, booked twice, returned before booked.
  kDisputed,
  /// Money that went out without an order.
  kUnknownOutgoing,
};

/// What becomes of one entry.
struct Match {
  MatchKind kind = MatchKind::kIncoming;
  /// Names the entry for ever.
  std::string key;
  /// What does not fit, for people; only of disputed entries.
  std::string dispute;
};

/// Says what each entry of a statement is; orders that are booked or returned change. Statements
/// may come again or overlap: an entry counts once.
/// seen: keys of entries of earlier statements; those of this one are added.
/// orders: by end-to-end id. Returns as many as the statement has entries, in their order.
std::vector<Match> MatchStatement(const BankStatement& statement, BankOrders& orders,
                                  absl::flat_hash_set<std::string>& seen);

}  // namespace peerwatt::settlement
