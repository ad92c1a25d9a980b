#include "libs/base/poll_loop.h"

#include <utility>

namespace peerwatt {

PollLoop::PollLoop(absl::Duration pause, std::function<void(Ends)> body)
    : pause_(pause), body_(std::move(body)), thread_([this] { Run(); }) {}

PollLoop::PollLoop(absl::Duration pause, std::function<void()> body)
    : PollLoop(pause, [body = std::move(body)](Ends) { body(); }) {}

PollLoop::~PollLoop() { Stop(); }

void PollLoop::Stop() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  if (thread_.joinable()) thread_.join();
}

void PollLoop::Run() {
  const auto ends = [this] {
    absl::MutexLock lock(&mutex_);
    return stopping_;
  };
  while (true) {
    body_(ends);
    absl::MutexLock lock(&mutex_);
    if (mutex_.AwaitWithTimeout(absl::Condition(&stopping_), pause_)) return;
  }
}

}  // namespace peerwatt
