#include "services/settlement/core/payments/matching.h"

#include <utility>

namespace peerwatt::settlement {
namespace {

bool Returns(const BankEntry& entry) { return entry.is_reversal || !entry.return_reason.empty(); }

Match Disputed(std::string why) {
  Match match;
  match.kind = MatchKind::kDisputed;
  match.dispute = std::move(why);
  return match;
}

Match MatchReturn(const BankEntry& entry, BankOrder& order) {
  if (!order.booked) {
    return Disputed("it came back before it was booked");
  }
  if (order.returned) {
    return Disputed("it came back twice");
  }
  if (entry.amount != -order.amount) {
    return Disputed("what came back is not what was booked");
  }
  order.returned = true;
  Match match;
  match.kind = MatchKind::kReturned;
  return match;
}

Match MatchBooking(const BankEntry& entry, BankOrder& order) {
  if (order.booked) {
    return Disputed("it was booked twice");
  }
  if (entry.amount != order.amount) {
    return Disputed("the amount is not what was ordered");
  }
  order.booked = true;
  Match match;
  match.kind = MatchKind::kBooked;
  return match;
}

Match MatchEntry(const BankEntry& entry, BankOrders& orders) {
  const auto order = orders.find(entry.end_to_end_id);
  if (entry.end_to_end_id.empty() || order == orders.end()) {
    Match match;
    match.kind = entry.amount < Money() ? MatchKind::kUnknownOutgoing : MatchKind::kIncoming;
    return match;
  }
  return Returns(entry) ? MatchReturn(entry, order->second) : MatchBooking(entry, order->second);
}

}  // namespace

std::vector<Match> MatchStatement(const BankStatement& statement, BankOrders& orders,
                                  absl::flat_hash_set<std::string>& seen) {
  std::vector<std::string> keys = EntryKeys(statement);
  std::vector<Match> matches;
  matches.reserve(keys.size());
  for (size_t i = 0; i < keys.size(); ++i) {
    Match match;
    if (seen.insert(keys[i]).second) {
      match = MatchEntry(statement.entries[i], orders);
    } else {
      match.kind = MatchKind::kDuplicate;
    }
    match.key = std::move(keys[i]);
    matches.push_back(std::move(match));
  }
  return matches;
}

}  // namespace peerwatt::settlement
