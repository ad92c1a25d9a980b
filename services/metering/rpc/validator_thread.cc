#include "services/metering/rpc/validator_thread.h"

#include "libs/base/log.h"

namespace peerwatt::metering {

ValidatorThread::ValidatorThread(Validator& validator, const Clock& clock, absl::Duration pause)
    : validator_(validator), clock_(clock), pause_(pause), thread_([this] { Run(); }) {}

ValidatorThread::~ValidatorThread() {
  {
    const std::lock_guard lock(mutex_);
    end_ = true;
  }
  ended_.notify_all();
  thread_.join();
}

void ValidatorThread::Run() {
  std::unique_lock lock(mutex_);
  while (!end_) {
    lock.unlock();
    const absl::StatusOr<bool> more = validator_.Step(clock_.Now());
    if (!more.ok()) {
      Log(Severity::kWarning, "validation waits and will be tried again",
          {{"cause", more.status().message()}});
    }
    lock.lock();
    if (!more.ok() || !*more) {
      ended_.wait_for(lock, absl::ToChronoMilliseconds(pause_), [this] { return end_; });
    }
  }
}

}  // namespace peerwatt::metering
