#include "services/market/rpc/surveyor_thread.h"

#include "libs/base/error.h"
#include "libs/base/log.h"

namespace peerwatt::market {

SurveyorThread::SurveyorThread(Surveyor& surveyor, const Clock& clock, absl::Duration pause)
    : surveyor_(surveyor), clock_(clock), pause_(pause), thread_([this] { Run(); }) {}

SurveyorThread::~SurveyorThread() {
  {
    const std::lock_guard lock(mutex_);
    end_ = true;
  }
  ended_.notify_all();
  thread_.join();
}

bool SurveyorThread::Ends() {
  const std::lock_guard lock(mutex_);
  return end_;
}

void SurveyorThread::Run() {
  while (!Ends()) {
    const absl::Status status = surveyor_.RunOnce(clock_.Now(), [this] { return Ends(); });
    if (!status.ok()) {
      Log(Severity::kWarning, "surveillance waits and will be tried again",
          {{"error", std::string(status.message())}, {"reason", ReasonOf(status)}});
    }
    std::unique_lock lock(mutex_);
    ended_.wait_for(lock, absl::ToChronoMilliseconds(pause_), [this] { return end_; });
  }
}

}  // namespace peerwatt::market
