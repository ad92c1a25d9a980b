#pragma once

#include <functional>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace peerwatt {

/// Calls a body again and again on a thread of its own, with a pause of real time after each call.
class PollLoop {
 public:
  /// Whether the loop is to end: a long body asks now and then, and returns when it is.
  using Ends = absl::FunctionRef<bool()>;

  PollLoop(absl::Duration pause, std::function<void(Ends)> body);
  /// For a body that is short, or is told otherwise.
  PollLoop(absl::Duration pause, std::function<void()> body);
  /// Stops and waits for a call that runs now.
  ~PollLoop();
  PollLoop(const PollLoop&) = delete;
  PollLoop& operator=(const PollLoop&) = delete;

  /// Ends the loop after the call that runs now, and waits for it.
  void Stop();

 private:
  void Run();

  const absl::Duration pause_;
  const std::function<void(Ends)> body_;
  absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace peerwatt
