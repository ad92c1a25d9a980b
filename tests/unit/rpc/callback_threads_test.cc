#include "libs/rpc/callback_threads.h"

#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <thread>
#include <vector>

#include "absl/synchronization/blocking_counter.h"
#include "absl/synchronization/mutex.h"

namespace peerwatt::rpc {
namespace {

constexpr int kTasks = 2000;

// In a process of its own: a process has these threads once.
TEST(CallbackThreads, LeavesAllTasksToOneThread) {
  ASSERT_TRUE(KeepOneCallbackThread());
  ASSERT_TRUE(KeepOneCallbackThread()) << "a second call asks nobody";
  KeepCallbackThreads();
  absl::Mutex mutex;
  std::set<std::thread::id> threads;
  std::atomic<int> running = 0;
  absl::BlockingCounter left(kTasks);
  std::vector<std::thread> callers;
  for (int i = 0; i < 4; ++i) {
    callers.emplace_back([&] {
      for (int task = 0; task < kTasks / 4; ++task) {
        RunOnCallbackThread([&] {
          EXPECT_EQ(running.fetch_add(1), 0) << "two tasks at a time";
          {
            absl::MutexLock lock(&mutex);
            threads.insert(std::this_thread::get_id());
          }
          running.fetch_sub(1);
          left.DecrementCount();
        });
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  left.Wait();
  EXPECT_EQ(threads.size(), 1U);
  EXPECT_FALSE(threads.contains(std::this_thread::get_id()));
}

}  // namespace
}  // namespace peerwatt::rpc
