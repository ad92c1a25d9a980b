#pragma once

#include <memory>
#include <thread>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "libs/telemetry/metrics.h"

namespace peerwatt::gateway {

class DeviceStream;

/// The open device streams of this process. One thread has each of them checked again and again.
class DeviceStreams {
 public:
  DeviceStreams(absl::Duration recheck_interval, telemetry::Metrics& metrics);
  ~DeviceStreams();

  void Add(const std::shared_ptr<DeviceStream>& stream);
  void Remove(DeviceStream* stream);
  /// Ends all streams, also those that open later.
  void EndAll(const absl::Status& status);

 private:
  void Run();
  std::vector<std::shared_ptr<DeviceStream>> Open();

  const absl::Duration recheck_interval_;
  telemetry::Gauge& count_;
  absl::Mutex mutex_;
  absl::flat_hash_map<DeviceStream*, std::weak_ptr<DeviceStream>> streams_
      ABSL_GUARDED_BY(mutex_);
  absl::Status ending_ ABSL_GUARDED_BY(mutex_);
  bool stop_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace peerwatt::gateway
