#pragma once

#include "absl/time/time.h"

namespace peerwatt::agent {

/// Tells threads that wait for files and for time to stop. Safe to use from many threads.
class StopSignal {
 public:
  StopSignal();
  ~StopSignal();
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;

  /// From now on every wait ends at once.
  void Stop();
  bool stopped() const;
  /// Waits for the pause to pass; false when it is time to stop.
  bool Pause(absl::Duration pause) const { return !WaitFor(-1, 0, pause) && !stopped(); }
  /// Waits until `events` (as poll(2) takes them) happen on the file, at most `timeout`. Returns
  /// whether they, or an error, happened; check `stopped` too.
  bool WaitFor(int fd, short events, absl::Duration timeout) const;

 private:
  int event_fd_;
};

}  // namespace peerwatt::agent
