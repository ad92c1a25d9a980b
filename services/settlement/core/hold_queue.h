#pragma once

#include <deque>
#include <map>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "services/settlement/core/stores.h"

namespace peerwatt::settlement {

/// Keeps the holds of callers that come at the same time in one transaction per community. Nobody
/// waits for others to come: what came while one transaction ran is the next. Each hold is decided
/// on its own, in the order of arrival. Large calls are stored by themselves, side by side. Safe
/// for many threads.
class HoldQueue final : public HoldStore {
 public:
  explicit HoldQueue(HoldStore& store) : store_(store) {}

  absl::StatusOr<std::vector<std::string>> CreateHolds(
      const CommunityId& community, absl::Time period_start,
      const std::vector<HoldRequest>& requests) override;
  absl::StatusOr<std::vector<std::string>> CheckHolds(
      const CommunityId& community, absl::Time period_start,
      const std::vector<HoldRequest>& requests) override {
    return store_.CheckHolds(community, period_start, requests);
  }
  absl::Status ReduceHolds(const CommunityId& community, absl::Time period_start,
                           const std::vector<HoldReduction>& reductions) override {
    return store_.ReduceHolds(community, period_start, reductions);
  }

 private:
  /// One caller that waits.
  struct Call {
    std::vector<HoldRequest> requests;
    absl::StatusOr<std::vector<std::string>> reasons = absl::UnknownError("not decided");
    bool done = false;
  };
  struct Lane {
    std::deque<Call*> waiting;
    bool busy = false;
  };
  /// Stores the calls in one transaction and puts each one's answer in its place.
  void Store(const CommunityId& community, const std::vector<Call*>& calls);

  HoldStore& store_;
  absl::Mutex mutex_;
  std::map<CommunityId, Lane> lanes_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace peerwatt::settlement
