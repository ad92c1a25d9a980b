#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "libs/domain/ids.h"
#include "libs/domain/quantities.h"
#include "services/settlement/core/accounts.h"

namespace peerwatt::settlement {

/// Money to reserve for an order.
struct HoldRequest {
  std::string order;  ///< full name; makes the hold unique in its community
  ParticipantId participant;
  Money amount;  ///< greater than zero
  std::optional<absl::Time> period_start = {};  ///< absent: that of the call
};

/// A hold that was kept before.
struct KnownHold {
  ParticipantId participant;
  absl::Time period_start;
  Money initial_amount;
};

/// What a decision about holds depends on, read under the accounts' locks.
struct HoldBook {
  std::map<std::string, KnownHold> known;    ///< by order
  std::map<AccountId, Money> available;      ///< balance less held; absent: no account yet
  std::set<absl::Time> settled_periods;
};

/// What to keep.
struct HoldDecision {
  std::vector<std::string> failure_reasons;   ///< by request; empty where the hold stands
  std::vector<HoldRequest> created;           ///< new holds
  std::map<AccountId, Money> newly_held;      ///< sum of the new holds per account
};

/// Decides each hold on its own, in the order of the requests.
/// period_start: of the requests that name none.
/// A known order with the same content stands, whatever became of its hold. Reasons, first wins:
/// CONTENT_DIFFERS, PERIOD_SETTLED, FUNDS_INSUFFICIENT.
HoldDecision DecideHolds(const std::vector<HoldRequest>& requests, absl::Time period_start,
                         HoldBook book);

/// What is still needed of a hold.
struct HoldReduction {
  std::string order;
  Money amount;  ///< not negative; 0 releases
};

}  // namespace peerwatt::settlement
