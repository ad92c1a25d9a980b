#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "bench/metering/identities.h"
#include "peerwatt/metering/v1/metering.pb.h"

namespace peerwatt::bench {

/// What each stream sends. Batch b of a device holds the next `values_per_series` quarters of the
/// next `series_per_batch` of its metering points `bench-<device>-<point>x`.
struct Load {
  int points_per_device = 1;
  int values_per_series = 1;
  int series_per_batch = 1;
  int64_t batches = 100;  ///< of each stream
  int64_t start_s = 0;    ///< of the first reading, Unix seconds, on the grid
  int window = 32;        ///< batches without an answer; the server may say less
  int64_t first_sequence = 1;
};

/// How and where devices connect.
struct Connection {
  std::string address;
  bool echo = false;           ///< the server sends each message back
  int64_t per_second = 0;      ///< streams begun; 0: all at once
};

/// What is known when all is over.
struct Outcome {
  int64_t acknowledged = 0;  ///< batches
  int64_t refused = 0;
  int64_t stored_readings = 0;
  int64_t unchanged_readings = 0;
  int64_t retries = 0;               ///< streams that had to begin again
  std::string refusal;               ///< the first
  std::vector<double> latencies_ms;  ///< from when a batch was due to its answer, sorted
  std::vector<double> waits_s;       ///< from the beginning to the first answer, sorted
};

class FleetStream;

/// Devices with a connection and a stream each.
class Fleet {
 public:
  Fleet(Connection connection, const Load& load, const Identities& identities, int first_device,
        int count);
  ~Fleet();
  /// Connects and opens all streams; returns when all are open. Streams that break begin again.
  void Open();
  /// Lets every stream send its batches, as fast as its window allows or together
  /// `batches_per_second`; returns when all are answered.
  void Send(double batches_per_second);
  Outcome outcome();
  int64_t readings() const;

 private:
  friend class FleetStream;
  void Opened(absl::Duration wait);
  void Finished();

  const Connection connection_;
  const Load load_;
  std::vector<std::unique_ptr<FleetStream>> streams_;
  absl::Mutex mutex_;
  int opened_ ABSL_GUARDED_BY(mutex_) = 0;
  int finished_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<double> waits_s_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace peerwatt::bench
