#include "agent/stop_signal.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>

#include "absl/time/clock.h"
#include "libs/base/check.h"

namespace peerwatt::agent {

StopSignal::StopSignal() : event_fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  PW_CHECK(event_fd_ >= 0, "an event to wait for");
}

StopSignal::~StopSignal() { close(event_fd_); }

void StopSignal::Stop() {
  const uint64_t one = 1;
  PW_CHECK(write(event_fd_, &one, sizeof one) == sizeof one || errno == EAGAIN, "an event is told");
}

bool StopSignal::stopped() const {
  pollfd waited{event_fd_, POLLIN, 0};
  return poll(&waited, 1, 0) == 1;
}

bool StopSignal::WaitFor(int fd, short events, absl::Duration timeout) const {
  const absl::Time end = absl::Now() + timeout;
  std::array<pollfd, 2> waited{{{event_fd_, POLLIN, 0}, {fd, events, 0}}};
  while (true) {
    const absl::Duration left = std::clamp(end - absl::Now(), absl::ZeroDuration(), absl::Hours(1));
    const int count =
        poll(waited.data(), waited.size(),
             static_cast<int>(absl::ToInt64Milliseconds(absl::Ceil(left, absl::Milliseconds(1)))));
    if (count > 0) return waited[1].revents != 0;
    if (count == 0 && absl::Now() >= end) return false;
    if (count < 0 && errno != EINTR) return false;
  }
}

}  // namespace peerwatt::agent
