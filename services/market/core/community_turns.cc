#include "services/market/core/community_turns.h"

#include <optional>

#include "libs/base/error.h"

namespace peerwatt::market {

absl::Status CommunityTurns::RunOnce(const std::vector<CommunityRules>& communities, absl::Time now,
                                     absl::FunctionRef<bool()> stop, Turn turn,
                                     IsFailure is_failure) {
  absl::Status first_failure;
  for (const CommunityRules& rules : communities) {
    const std::optional<int64_t> token = leases_.Enter(rules.id);
    if (!token.has_value()) {
      continue;
    }
    Next& next = next_[rules.id];
    if (next.token != *token) {
      // Another replica may have gone on meanwhile: look again.
      next = {absl::InfinitePast(), *token};
    }
    if (next.due > now || stop()) {
      continue;
    }
    const absl::StatusOr<absl::Time> due = turn(rules);
    if (due.ok()) {
      next.due = *due;
    } else if (is_failure(due.status())) {
      first_failure.Update(due.status());
    }
  }
  return first_failure;
}

bool IsLeaseLost(const absl::Status& status) { return ReasonOf(status) == kLeaseLostReason; }

}  // namespace peerwatt::market
