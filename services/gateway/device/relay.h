#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "services/gateway/device/relay_call.h"

namespace peerwatt::gateway {

/// A stream's place in a call to metering.
struct RelayPlace {
  std::shared_ptr<RelayCall> call;
  int64_t stream = 0;
};

/// The few calls to metering over which all device streams of this process go.
class Relay {
 public:
  /// channels: one call over each at a time; at least one.
  explicit Relay(std::vector<std::shared_ptr<grpc::Channel>> channels);
  /// Ends the calls and waits until gRPC has let go of them.
  ~Relay();
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  /// Gives a stream a place; the calls take turns. A call that was over is made anew: when
  /// metering cannot be reached, the stream hears so.
  RelayPlace Open(const std::weak_ptr<RelayedStream>& stream, const std::string& device,
                  int32_t batches_in_flight_max);

 private:
  struct Line {
    std::shared_ptr<grpc::Channel> channel;
    std::unique_ptr<RelayCall::Stub> stub;
    std::shared_ptr<RelayCall> call;
  };

  absl::Mutex mutex_;
  std::vector<Line> lines_ ABSL_GUARDED_BY(mutex_);
  size_t next_line_ ABSL_GUARDED_BY(mutex_) = 0;
  int call_count_ ABSL_GUARDED_BY(mutex_) = 0;  ///< that gRPC has not let go of
};

}  // namespace peerwatt::gateway
