#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "services/settlement/core/batch_queue.h"
#include "services/settlement/core/stores.h"

namespace peerwatt::settlement {

/// Keeps the holds of callers that come at the same time in one transaction per community. Each
/// hold is decided on its own, in the order of arrival. Safe for many threads.
class HoldQueue final : public HoldStore {
 public:
  explicit HoldQueue(HoldStore& store);

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
  HoldStore& store_;
  BatchQueue<CommunityId, HoldRequest, std::string> queue_;
};

}  // namespace peerwatt::settlement
