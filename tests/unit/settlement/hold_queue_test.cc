#include "services/settlement/core/hold_queue.h"

#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "libs/base/error.h"

namespace peerwatt::settlement {
namespace {

const absl::Time kPeriod = absl::FromUnixSeconds(900'000);

// Refuses orders that start with `x`; waits in its first call until told to go on.
class SlowStore final : public HoldStore {
 public:
  absl::StatusOr<std::vector<std::string>> CreateHolds(
      const CommunityId& community, absl::Time, const std::vector<HoldRequest>& requests) override {
    if (calls_.fetch_add(1) == 0) {
      entered.Notify();
      go_on.WaitForNotification();
    }
    sizes.push_back(requests.size());
    if (community.value() == "broken") return Error(kNotFound, "there is no ledger");
    std::vector<std::string> reasons;
    for (const HoldRequest& request : requests) {
      EXPECT_EQ(request.period_start, kPeriod);
      reasons.push_back(request.order[0] == 'x' ? "REFUSED " + request.order : "");
    }
    return reasons;
  }
  absl::StatusOr<std::vector<std::string>> CheckHolds(const CommunityId&, absl::Time,
                                                      const std::vector<HoldRequest>&) override {
    return std::vector<std::string>();
  }
  absl::Status ReduceHolds(const CommunityId&, absl::Time,
                           const std::vector<HoldReduction>&) override {
    return absl::OkStatus();
  }

  absl::Notification entered;
  absl::Notification go_on;
  std::vector<size_t> sizes;

 private:
  std::atomic<int> calls_ = 0;
};

HoldRequest Request(const std::string& order) {
  return {order, ParticipantId("p"), Money::Micros(1)};
}

TEST(HoldQueueTest, CallsThatComeDuringATransactionShareTheNext) {
  constexpr int kCallers = 9;
  SlowStore store;
  HoldQueue queue(store);
  const CommunityId community("c1");
  std::atomic<int> waiting = 0;
  std::vector<std::jthread> callers;
  callers.emplace_back([&] {
    EXPECT_EQ(*queue.CreateHolds(community, kPeriod, {Request("first")}),
              std::vector<std::string>{""});
  });
  store.entered.WaitForNotification();
  for (int i = 0; i < kCallers; ++i) {
    callers.emplace_back([&, i] {
      const std::string order = absl::StrCat(i % 2 == 0 ? "x" : "o", i);
      ++waiting;
      EXPECT_EQ(*queue.CreateHolds(community, kPeriod, {Request("o"), Request(order)}),
                (std::vector<std::string>{"", i % 2 == 0 ? "REFUSED " + order : ""}));
    });
  }
  while (waiting < kCallers) std::this_thread::yield();
  store.go_on.Notify();
  callers.clear();
  EXPECT_EQ(store.sizes.front(), 1u);
  EXPECT_LT(store.sizes.size(), 1u + kCallers) << "they shared";
}

TEST(HoldQueueTest, AFailureIsEverybodysInItsTransactionAndNobodyElses) {
  SlowStore store;
  store.go_on.Notify();
  HoldQueue queue(store);
  EXPECT_EQ(ReasonOf(queue.CreateHolds(CommunityId("broken"), kPeriod, {Request("o")}).status()),
            "NOT_FOUND");
  EXPECT_TRUE(queue.CreateHolds(CommunityId("c1"), kPeriod, {Request("o")}).ok());
}

}  // namespace
}  // namespace peerwatt::settlement
