#include "services/settlement/core/batch_queue.h"

#include <algorithm>
#include <functional>
#include <latch>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace peerwatt::settlement {
namespace {

using Queue = BatchQueue<std::string, int, int>;

// Answers each request with itself, and remembers how many calls each transaction had.
struct Recorder {
  explicit Recorder(int callers) : everybody_calls(callers) {}
  absl::StatusOr<std::vector<int>> operator()(const std::string& /*key*/,
                                              const Queue::Calls& calls) {
    // The first does not end before all others are about to call.
    everybody_calls.wait();
    std::vector<int> answers;
    for (const auto& call : calls) answers.insert(answers.end(), call.begin(), call.end());
    const std::lock_guard lock(mutex);
    sizes.push_back(calls.size());
    return answers;
  }
  std::latch everybody_calls;
  std::mutex mutex;
  std::vector<size_t> sizes;
};

constexpr int kCallers = 8;
constexpr int kCalls = 50;

/// Callers who call again as soon as they are answered, as often each.
void CallInThreads(Queue& queue, Recorder& recorder) {
  std::vector<std::jthread> callers;
  for (int caller = 0; caller < kCallers; ++caller) {
    callers.emplace_back([&, caller] {
      recorder.everybody_calls.count_down();
      for (int i = 0; i < kCalls; ++i) {
        const std::vector<int> requests{caller, i};
        const auto answers = queue.Submit("hamlet", requests);
        ASSERT_TRUE(answers.ok());
        EXPECT_EQ(*answers, requests) << "each call gets its own answers";
      }
    });
  }
  callers.clear();
  size_t count = 0;
  for (const size_t size : recorder.sizes) count += size;
  EXPECT_EQ(count, static_cast<size_t>(kCallers * kCalls));
}

TEST(BatchQueueTest, EachCallerGetsTheAnswersToItsRequests) {
  Recorder recorder(kCallers);
  Queue queue(std::ref(recorder), 1000);
  CallInThreads(queue, recorder);
}

TEST(BatchQueueTest, CallersWhoComeBackAtOnceFillOneTransaction) {
  Recorder recorder(kCallers);
  // Far more than they need: who is missing comes.
  Queue queue(std::ref(recorder), 1000, absl::Seconds(1));
  CallInThreads(queue, recorder);
  EXPECT_GE(std::count(recorder.sizes.begin(), recorder.sizes.end(),
                       static_cast<size_t>(kCallers)),
            kCalls - kCallers)
      << "all together, once the first have come and until the first have gone";
}

TEST(BatchQueueTest, ACallerWhoIsAloneWaitsForNobody) {
  Recorder recorder(0);
  Queue queue(std::ref(recorder), 1000, absl::Hours(1));
  const std::vector<int> request{7};
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(queue.Submit("hamlet", request).ok());
  EXPECT_EQ(recorder.sizes, std::vector<size_t>(3, 1));
}

TEST(BatchQueueTest, ACallWithMoreThanATransactionTakesIsRunAlone) {
  Recorder recorder(0);
  Queue queue(std::ref(recorder), 3);
  EXPECT_TRUE(queue.Submit("hamlet", std::vector<int>(5, 1)).ok());
  EXPECT_EQ(recorder.sizes, std::vector<size_t>{1});
}

TEST(BatchQueueTest, AFailureIsThatOfAllItsCalls) {
  Queue queue([](const std::string&, const Queue::Calls&) { return absl::AbortedError("no"); },
              10);
  EXPECT_TRUE(absl::IsAborted(queue.Submit("hamlet", std::vector<int>{1}).status()));
}

}  // namespace
}  // namespace peerwatt::settlement
