#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>

#include "absl/time/time.h"
#include "libs/base/clock.h"
#include "services/market/core/autopilot/planner.h"
#include "services/market/core/autopilot/quoter.h"

namespace peerwatt::market {

/// A thread that quotes and plans what is due, then looks again after a pause of real time. It is
/// apart from the runner's, so that the plans of a large community delay no gate closure.
class AutopilotThread {
 public:
  /// All references must outlive this object.
  AutopilotThread(EveningPlanner& planner, Quoter& quoter, const Clock& clock,
                  absl::Duration pause = absl::Seconds(1));
  /// Ends after the page of plans, or the auction, at hand.
  ~AutopilotThread();
  AutopilotThread(const AutopilotThread&) = delete;
  AutopilotThread& operator=(const AutopilotThread&) = delete;

 private:
  void Run();
  bool Ends();

  EveningPlanner& planner_;
  Quoter& quoter_;
  const Clock& clock_;
  const absl::Duration pause_;
  std::mutex mutex_;
  std::condition_variable ended_;
  bool end_ = false;
  std::thread thread_;
};

}  // namespace peerwatt::market
