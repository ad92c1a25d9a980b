#include "libs/base/poll_loop.h"

#include <gtest/gtest.h>

#include <atomic>

#include "absl/synchronization/notification.h"

namespace peerwatt {
namespace {

TEST(PollLoopTest, CallsTheBodyAgainAfterThePause) {
  absl::Notification third;
  int calls = 0;
  PollLoop loop(absl::Microseconds(1), [&] {
    if (++calls == 3) {
      third.Notify();
    }
  });
  third.WaitForNotification();
  loop.Stop();
  EXPECT_GE(calls, 3);
}

TEST(PollLoopTest, TellsALongBodyToEnd) {
  absl::Notification begun;
  std::atomic<int> ended = 0;
  {
    const PollLoop loop(absl::Hours(1), [&](PollLoop::Ends ends) {
      EXPECT_FALSE(ends());
      begun.Notify();
      while (!ends()) {
        std::this_thread::yield();
      }
      ++ended;
    });
    begun.WaitForNotification();
  }
  EXPECT_EQ(ended, 1) << "the end waits for the body, and a pause of an hour does not begin";
}

TEST(PollLoopTest, EndsDuringAPause) {
  absl::Notification called;
  PollLoop loop(absl::InfiniteDuration(), [&] { called.Notify(); });
  called.WaitForNotification();
  loop.Stop();
  loop.Stop();
}

}  // namespace
}  // namespace peerwatt
