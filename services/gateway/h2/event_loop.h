#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace peerwatt::gateway {

/// Work for the thread of a loop, from any thread. It outlives the loop: what comes later is
/// dropped.
class LoopQueue {
 public:
  using Task = std::function<void()>;

  LoopQueue();
  ~LoopQueue();
  LoopQueue(const LoopQueue&) = delete;
  LoopQueue& operator=(const LoopQueue&) = delete;

  /// Has the loop run this soon, in the order of the calls.
  void Post(Task task) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  friend class EventLoop;
  /// The tasks that wait; if there are none, the next one wakes the loop.
  std::vector<Task> Take(bool sleepy) ABSL_LOCKS_EXCLUDED(mutex_);
  void Close() ABSL_LOCKS_EXCLUDED(mutex_);

  const int wake_;  ///< an eventfd
  absl::Mutex mutex_;
  std::vector<Task> tasks_ ABSL_GUARDED_BY(mutex_);
  bool asleep_ ABSL_GUARDED_BY(mutex_) = false;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
};

/// Waits for sockets, timers and tasks on one thread (epoll, level-triggered). All but the queue
/// belongs to that thread, before and after it to whoever owns the loop.
class EventLoop {
 public:
  using Time = std::chrono::steady_clock::time_point;

  /// What is told of a socket. It must stay until the loop has come round once after `Forget`.
  class Watcher {
   public:
    virtual ~Watcher() = default;
    /// events: as epoll says them. May come once more after `Forget`.
    virtual void OnEvents(uint32_t events) = 0;
  };

  /// after_round: called after all that was ready has been handled, before waiting again.
  explicit EventLoop(std::function<void()> after_round);
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  const std::shared_ptr<LoopQueue>& queue() const { return queue_; }
  /// Whether the loop could be made.
  bool ok() const { return epoll_ >= 0; }
  bool Watch(int fd, Watcher& watcher, uint32_t events);
  void Change(int fd, Watcher& watcher, uint32_t events);
  void Forget(int fd);
  /// Calls `task` at `when`, never sooner.
  void At(Time when, std::function<void()> task);
  /// Runs until `Stop`.
  void Run();
  /// Ends `Run`; from the loop's thread.
  void Stop() { stopped_ = true; }

 private:
  struct Timer {
    Time when;
    uint64_t number = 0;  ///< among those of the same time the first comes first
    std::function<void()> task;
  };
  static bool Later(const Timer& a, const Timer& b) {
    return a.when != b.when ? a.when > b.when : a.number > b.number;
  }
  void RunTimers();
  int WaitMs() const;

  const std::function<void()> after_round_;
  const std::shared_ptr<LoopQueue> queue_;
  const int epoll_;
  std::vector<Timer> timers_;  ///< a heap, the first in time on top
  uint64_t last_timer_ = 0;
  bool stopped_ = false;
};

}  // namespace peerwatt::gateway
