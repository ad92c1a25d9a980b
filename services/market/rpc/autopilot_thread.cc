#include "services/market/rpc/autopilot_thread.h"

#include "libs/base/error.h"
#include "libs/base/log.h"

namespace peerwatt::market {

AutopilotThread::AutopilotThread(EveningPlanner& planner, Quoter& quoter, const Clock& clock,
                                 absl::Duration pause)
    : planner_(planner),
      quoter_(quoter),
      clock_(clock),
      pause_(pause),
      thread_([this] { Run(); }) {}

AutopilotThread::~AutopilotThread() {
  {
    const std::lock_guard lock(mutex_);
    end_ = true;
  }
  ended_.notify_all();
  thread_.join();
}

bool AutopilotThread::Ends() {
  const std::lock_guard lock(mutex_);
  return end_;
}

void AutopilotThread::Run() {
  const auto ends = [this] { return Ends(); };
  while (!Ends()) {
    absl::Status status = quoter_.RunOnce(clock_.Now(), ends);
    status.Update(planner_.RunOnce(clock_.Now(), ends));
    if (!status.ok()) {
      Log(Severity::kWarning, "standing orders wait and will be tried again",
          {{"error", std::string(status.message())}, {"reason", ReasonOf(status)}});
    }
    std::unique_lock lock(mutex_);
    ended_.wait_for(lock, absl::ToChronoMilliseconds(pause_), [this] { return end_; });
  }
}

}  // namespace peerwatt::market
