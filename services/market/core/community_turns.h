#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/market/core/leases.h"
#include "services/market/core/ports.h"

namespace peerwatt::market {

/// What a part of the market does for communities by the clock: one turn after the other, in the
/// communities whose lease this replica holds, when something is due there. For one thread.
class CommunityTurns {
 public:
  /// Does what is due in a community at the instant of the turn; returns when something is next.
  using Turn = absl::FunctionRef<absl::StatusOr<absl::Time>(const CommunityRules&)>;
  /// Whether a turn that ended with this error failed; else it is tried again without a word.
  using IsFailure = absl::FunctionRef<bool(const absl::Status&)>;

  /// leases: must outlive this object, and are nobody else's where others hold them too.
  explicit CommunityTurns(CommunityLeases& leases) : leases_(leases) {}

  /// Takes the turns that are due at `now`, in the order of the communities. A community that fails
  /// is tried again next time and does not hinder the others; the first failure is returned.
  /// stop: asked before each turn.
  absl::Status RunOnce(const std::vector<CommunityRules>& communities, absl::Time now,
                       absl::FunctionRef<bool()> stop, Turn turn, IsFailure is_failure);

 private:
  /// When something is due next in a community, as far as the holder of this token knows.
  struct Next {
    absl::Time due = absl::InfinitePast();
    int64_t token = 0;
  };

  CommunityLeases& leases_;
  std::map<CommunityId, Next> next_;
};

/// Whether a turn ended because another replica drives the community now.
bool IsLeaseLost(const absl::Status& status);

}  // namespace peerwatt::market
