#pragma once

#include <memory>
#include <thread>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "libs/telemetry/metrics.h"
#include "services/gateway/device/device_gate.h"

namespace peerwatt::gateway {

class DeviceStream;

/// The open device streams of this process. One thread has all of them checked again and again,
/// the next time when the last is answered.
class DeviceStreams {
 public:
  /// gate: outlives this.
  DeviceStreams(DeviceGate& gate, absl::Duration recheck_interval, telemetry::Metrics& metrics);
  ~DeviceStreams();
  DeviceStreams(const DeviceStreams&) = delete;
  DeviceStreams& operator=(const DeviceStreams&) = delete;

  void Add(const std::shared_ptr<DeviceStream>& stream);
  void Remove(DeviceStream* stream);
  /// Ends all streams, also those that open later.
  void EndAll(const absl::Status& status);

 private:
  void Run();
  void RecheckAll();
  std::vector<std::shared_ptr<DeviceStream>> Open();

  DeviceGate& gate_;
  const absl::Duration recheck_interval_;
  telemetry::Gauge& count_;
  absl::Mutex mutex_;
  absl::flat_hash_map<DeviceStream*, std::weak_ptr<DeviceStream>> streams_
      ABSL_GUARDED_BY(mutex_);
  absl::Status ending_ ABSL_GUARDED_BY(mutex_);
  int rechecks_ ABSL_GUARDED_BY(mutex_) = 0;  ///< that are not answered
  bool stop_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace peerwatt::gateway
