#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/domain/quantities.h"
#include "tools/peerwatt/backoff.h"
#include "tools/peerwatt/process.h"
#include "tools/peerwatt/state.h"

namespace peerwatt::tool {

/// What the devices say of themselves.
struct DeviceStatus {
  absl::Time acknowledged_through = absl::InfinitePast();
  int64_t readings_acknowledged = 0;
  int64_t readings_refused = 0;
  int64_t reconnects = 0;
  bool finished = false;
  std::string failure;  ///< of a device that cannot go on; empty: none
};

/// Runs the simulator of the devices as a child and starts it again when it dies.
class DeviceProcess {
 public:
  /// paths: of the stack; fleet and state of the devices lie in its folder `devices`.
  DeviceProcess(const StatePaths& paths, std::string clock_file);
  /// Stops it.
  ~DeviceProcess();
  DeviceProcess(const DeviceProcess&) = delete;
  DeviceProcess& operator=(const DeviceProcess&) = delete;

  /// Writes the fleet file and starts the simulator.
  absl::Status Start(const std::string& fleet);
  /// Starts it again when it has died.
  absl::Status KeepRunning();
  /// The newest status; an empty one while there is none.
  DeviceStatus Status() const;
  /// The input's exact totals by metering point, as the simulator computes them on a path of its
  /// own.
  absl::StatusOr<std::map<std::string, Energy>> InputTotals() const;
  int restarts() const { return restarts_; }

 private:
  Command NewCommand() const;

  StatePaths paths_;
  std::string folder_;
  std::string clock_file_;
  ProcessId process_;
  int restarts_ = 0;
  RestartBackoff backoff_;
  absl::Time started_ = absl::InfinitePast();
  absl::Time restart_at_ = absl::InfiniteFuture();
};

}  // namespace peerwatt::tool
