#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>

#include "absl/time/time.h"
#include "libs/base/clock.h"
#include "services/metering/core/vee/validator.h"

namespace peerwatt::metering {

/// A thread on which a validator steps as long as there is something to do, then looks again after
/// a pause of real time. After a failure it waits as long.
class ValidatorThread {
 public:
  /// All references must outlive this object.
  ValidatorThread(Validator& validator, const Clock& clock, absl::Duration pause);
  /// Ends after the step at hand.
  ~ValidatorThread();
  ValidatorThread(const ValidatorThread&) = delete;
  ValidatorThread& operator=(const ValidatorThread&) = delete;

 private:
  void Run();

  Validator& validator_;
  const Clock& clock_;
  const absl::Duration pause_;
  std::mutex mutex_;
  std::condition_variable ended_;
  bool end_ = false;
  std::thread thread_;
};

}  // namespace peerwatt::metering
