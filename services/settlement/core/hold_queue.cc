#include "services/settlement/core/hold_queue.h"

#include <utility>

#include "libs/base/check.h"

namespace peerwatt::settlement {
namespace {

// Holds of one transaction.
constexpr size_t kHoldsPerCommit = 10'000;
// A call with more has nothing to gain from the company of others.
constexpr size_t kHoldsShared = 1'000;

}  // namespace

void HoldQueue::Store(const CommunityId& community, const std::vector<Call*>& calls) {
  std::vector<HoldRequest> all;
  for (const Call* call : calls) {
    all.insert(all.end(), call->requests.begin(), call->requests.end());
  }
  // Every request names its period.
  const absl::StatusOr<std::vector<std::string>> reasons =
      store_.CreateHolds(community, absl::InfinitePast(), all);
  if (!reasons.ok()) {
    for (Call* call : calls) call->reasons = reasons.status();
    return;
  }
  PW_CHECK(reasons->size() == all.size(), "a reason for each hold");
  auto next = reasons->begin();
  for (Call* call : calls) {
    const auto end = next + static_cast<std::ptrdiff_t>(call->requests.size());
    call->reasons = std::vector<std::string>(next, end);
    next = end;
  }
}

absl::StatusOr<std::vector<std::string>> HoldQueue::CreateHolds(
    const CommunityId& community, absl::Time period_start,
    const std::vector<HoldRequest>& requests) {
  if (requests.size() > kHoldsShared) {
    return store_.CreateHolds(community, period_start, requests);
  }
  Call call;
  call.requests = requests;
  for (HoldRequest& request : call.requests) {
    if (!request.period_start.has_value()) request.period_start = period_start;
  }
  absl::MutexLock lock(&mutex_);
  Lane& lane = lanes_[community];
  lane.waiting.push_back(&call);
  const auto my_turn = [&] { return call.done || !lane.busy; };
  while (true) {
    mutex_.Await(absl::Condition(&my_turn));
    if (call.done) return std::move(call.reasons);
    // Nobody stores for this community now: this caller does it for those who came first.
    std::vector<Call*> calls;
    size_t holds = 0;
    while (!lane.waiting.empty() &&
           (calls.empty() || holds + lane.waiting.front()->requests.size() <= kHoldsPerCommit)) {
      calls.push_back(lane.waiting.front());
      holds += calls.back()->requests.size();
      lane.waiting.pop_front();
    }
    lane.busy = true;
    mutex_.Unlock();
    Store(community, calls);
    mutex_.Lock();
    lane.busy = false;
    for (Call* stored : calls) stored->done = true;
  }
}

}  // namespace peerwatt::settlement
