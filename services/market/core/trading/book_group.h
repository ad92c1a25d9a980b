#pragma once

#include <map>
#include <vector>

#include "absl/status/statusor.h"
#include "services/market/core/trading/trading_desk.h"

namespace peerwatt::market {

/// What a group of commands came to.
struct GroupOutcome {
  std::vector<BookWrites> writes;
  /// For each command the order as it is then, or why nothing was done.
  std::vector<absl::StatusOr<Order>> answers;
  /// Holds to lower, by delivery.
  std::map<absl::Time, std::vector<HoldReduction>> reductions;
};

/// Carries out the commands in their order, on books in memory that are brought up to date first.
/// Pure but for the books: those of an attempt that is not kept must be thrown away.
GroupOutcome DecideGroup(const std::vector<const BookCommand*>& commands, absl::Time now,
                         BookAccess& access, std::map<absl::Time, LiveBook>& books);

}  // namespace peerwatt::market
