#pragma once

#include <algorithm>

#include "absl/time/time.h"

namespace peerwatt::tool {

/// Says when a dead process is started again: at once, unless it keeps dying young; then after a
/// pause that doubles from 0.1 s to 5 s.
class RestartBackoff {
 public:
  /// lived: how long the process ran. Returns the pause before the next start.
  absl::Duration PauseAfter(absl::Duration lived) {
    if (lived >= kYoung) {
      pause_ = absl::ZeroDuration();
      return pause_;
    }
    pause_ = pause_ == absl::ZeroDuration() ? kFirst : std::min(pause_ * 2, kLongest);
    return pause_;
  }

 private:
  static constexpr absl::Duration kYoung = absl::Seconds(2);
  static constexpr absl::Duration kFirst = absl::Milliseconds(100);
  static constexpr absl::Duration kLongest = absl::Seconds(5);
  absl::Duration pause_ = absl::ZeroDuration();
};

}  // namespace peerwatt::tool
