#include "services/settlement/core/poll_loop.h"

#include <utility>

namespace peerwatt::settlement {

PollLoop::PollLoop(absl::Duration pause, std::function<void()> body)
    : pause_(pause), body_(std::move(body)), thread_([this] { Run(); }) {}

PollLoop::~PollLoop() { Stop(); }

void PollLoop::Stop() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  if (thread_.joinable()) thread_.join();
}

void PollLoop::Run() {
  while (true) {
    body_();
    absl::MutexLock lock(&mutex_);
    if (mutex_.AwaitWithTimeout(absl::Condition(&stopping_), pause_)) return;
  }
}

}  // namespace peerwatt::settlement
