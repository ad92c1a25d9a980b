#include "services/settlement/core/hold_queue.h"

namespace peerwatt::settlement {
namespace {

// Holds of one transaction; a call with more is stored alone.
constexpr size_t kHoldsPerCommit = 10'000;

}  // namespace

HoldQueue::HoldQueue(HoldStore& store)
    : store_(store),
      queue_(
          [this](const CommunityId& community, const auto& calls) {
            std::vector<HoldRequest> all;
            for (const auto& call : calls) all.insert(all.end(), call.begin(), call.end());
            // Every request names its period.
            return store_.CreateHolds(community, absl::InfinitePast(), all);
          },
          kHoldsPerCommit) {}

absl::StatusOr<std::vector<std::string>> HoldQueue::CreateHolds(
    const CommunityId& community, absl::Time period_start,
    const std::vector<HoldRequest>& requests) {
  std::vector<HoldRequest> named = requests;
  for (HoldRequest& request : named) {
    if (!request.period_start.has_value()) request.period_start = period_start;
  }
  return queue_.Submit(community, named);
}

}  // namespace peerwatt::settlement
