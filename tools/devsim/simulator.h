#pragma once

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "agent/agent.h"
#include "agent/enrolment.h"
#include "libs/base/clock.h"
#include "tools/devsim/fleet.h"
#include "tools/devsim/status.h"

namespace peerwatt::devsim {

/// How a fleet is run.
struct SimulatorOptions {
  std::string state_folder;  ///< a folder per device is made in it
  std::string status_file;   ///< none if empty
  absl::Duration poll_interval = absl::Milliseconds(1);
  int enrolment_threads = 4;
  int intervals_per_series_max = 96;
  bool sync = true;
  bool sign_batches = false;
  int64_t buffer_bytes_max = 64 << 20;
};

/// Runs the agents of a fleet in one process: one thread ticks them all, a few enrol them and
/// renew their certificates, and gRPC's threads carry their streams.
class Simulator {
 public:
  /// clock outlives the simulator. Errors: those of Agent::New.
  static absl::StatusOr<std::unique_ptr<Simulator>> New(SimulatorOptions options, Fleet fleet,
                                                        const Clock& clock);
  /// Stops what still runs.
  ~Simulator();
  /// Runs until `Stop`, or, with `until_finished`, until everything is acknowledged.
  void Run(bool until_finished);
  /// Ends `Run`. From any thread.
  void Stop();
  FleetStatus status() const;

 private:
  struct Device {
    std::unique_ptr<agent::Enrolment> enrolment;
    std::unique_ptr<agent::Agent> agent;
  };

  Simulator(SimulatorOptions options, Fleet fleet, const Clock& clock)
      : options_(std::move(options)), fleet_(std::move(fleet)), clock_(clock) {}
  absl::Status MakeDevices();
  /// Enrols every `step`th device from `first` on, then keeps their certificates fresh.
  void KeepIdentities(size_t first, size_t step);
  /// Waits for the pause to pass; false when it is time to stop.
  bool Pause(absl::Duration pause);
  bool EnrolOne(size_t index, agent::Identity& identity);
  void OnProgress();
  void WriteStatus();

  const SimulatorOptions options_;
  const Fleet fleet_;
  const Clock& clock_;
  std::vector<Device> devices_;
  std::vector<std::thread> threads_;

  mutable absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool progressed_ ABSL_GUARDED_BY(mutex_) = true;
  int64_t devices_enrolled_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<std::string, std::string> failures_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace peerwatt::devsim
