#include "services/settlement/core/change_follower.h"

#include <set>

#include "libs/base/status_macros.h"

namespace peerwatt::settlement {

absl::Status ChangeFollower::Follow() {
  PW_ASSIGN_OR_RETURN(const int64_t cursor, store_.LoadWatchCursor());
  return metering_.WatchReadings(
      cursor, [this](const std::vector<ReadingChange>& changes, int64_t reached) {
        return Take(changes, reached);
      });
}

absl::Status ChangeFollower::Take(const std::vector<ReadingChange>& changes, int64_t cursor) {
  std::set<CommunityId> communities;
  for (const ReadingChange& change : changes) communities.insert(change.community);
  for (const CommunityId& community : communities) {
    PW_RETURN_IF_ERROR(ledgers_.Require(community));
  }
  PW_RETURN_IF_ERROR(store_.MarkChanged(changes, cursor));
  runner_.OnChanges(changes);
  return absl::OkStatus();
}

}  // namespace peerwatt::settlement
