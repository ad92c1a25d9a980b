#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "absl/time/time.h"
#include "agent/agent.h"

namespace peerwatt::devsim {

/// Where a fleet stands, summed over its devices.
struct FleetStatus {
  /// Every interval of every device before it is acknowledged, or was refused for good.
  absl::Time acknowledged_through = absl::InfiniteFuture();
  int64_t readings_acknowledged = 0;
  int64_t readings_refused = 0;
  int64_t devices_connected = 0;
  int64_t devices_enrolled = 0;
  int64_t reconnects = 0;
  std::map<std::string, Energy> energy;  ///< acknowledged, by metering point
  bool finished = true;
  std::map<std::string, std::string> failures;  ///< devices that cannot go on, and why

  /// Adds a device. A device that is finished does not hold `acknowledged_through` back.
  void Add(const agent::AgentStatus& device);
  /// The status as the JSON document that `--status` names.
  std::string ToJson() const;

 private:
  absl::Time last_end_ = absl::InfinitePast();
};

}  // namespace peerwatt::devsim
