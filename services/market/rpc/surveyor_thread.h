#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>

#include "absl/time/time.h"
#include "libs/base/clock.h"
#include "services/market/core/surveillance/surveyor.h"

namespace peerwatt::market {

/// A thread that surveys what is due, then looks again after a pause of real time. It is apart from
/// the runner's, so that a large day delays no gate closure.
class SurveyorThread {
 public:
  /// All references must outlive this object.
  SurveyorThread(Surveyor& surveyor, const Clock& clock, absl::Duration pause = absl::Seconds(1));
  /// Ends after the day at hand.
  ~SurveyorThread();
  SurveyorThread(const SurveyorThread&) = delete;
  SurveyorThread& operator=(const SurveyorThread&) = delete;

 private:
  void Run();
  bool Ends();

  Surveyor& surveyor_;
  const Clock& clock_;
  const absl::Duration pause_;
  std::mutex mutex_;
  std::condition_variable ended_;
  bool end_ = false;
  std::thread thread_;
};

}  // namespace peerwatt::market
