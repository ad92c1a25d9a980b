#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>

#include "absl/time/time.h"

namespace peerwatt::metering {

/// Wakes those who wait for changes as soon as this process has stored something. Changes of other
/// processes are found when the wait is over.
class ChangeSignal {
 public:
  /// A counter to be read before looking for changes.
  uint64_t Count() {
    const std::lock_guard lock(mutex_);
    return count_;
  }
  /// Waits until something was stored since `seen`, at most `timeout`. False when stopped.
  bool Wait(uint64_t seen, absl::Duration timeout) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, absl::ToChronoMicroseconds(timeout),
                      [&] { return stopped_ || count_ != seen; });
    return !stopped_;
  }
  /// Waits whatever is stored meanwhile. False when stopped.
  bool Pause(absl::Duration time) {
    std::unique_lock lock(mutex_);
    return !stopping_.wait_for(lock, absl::ToChronoMicroseconds(time), [&] { return stopped_; });
  }
  /// Something was stored.
  void Notify() {
    {
      const std::lock_guard lock(mutex_);
      ++count_;
    }
    changed_.notify_all();
  }
  /// Ends all waiting.
  void Stop() {
    {
      const std::lock_guard lock(mutex_);
      stopped_ = true;
    }
    changed_.notify_all();
    stopping_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::condition_variable stopping_;
  uint64_t count_ = 0;
  bool stopped_ = false;
};

}  // namespace peerwatt::metering
