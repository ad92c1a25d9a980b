#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "agent/observation.h"
#include "agent/pacing.h"
#include "agent/stop_signal.h"

namespace peerwatt::agent {

/// Where a source stands.
struct SourceState {
  bool connected = false;  ///< the present session has observed something
  int64_t observations = 0;
  int64_t malformed = 0;                          ///< telegrams or answers that could not be used
  int64_t failures = 0;                           ///< sessions that ended with an error
  absl::Time observed_at = absl::InfinitePast();  ///< of the newest observation
};

/// A meter that is read over and over, in a thread of its own. A session that fails, or throws, is
/// begun again after a growing, jittered pause; nothing of it reaches other sources.
class MeterSource {
 public:
  /// name: for the log and the metrics. sink: called from the source's thread; outlives it.
  MeterSource(std::string name, ObservationSink sink);
  /// `Stop` was called.
  virtual ~MeterSource();
  MeterSource(const MeterSource&) = delete;
  MeterSource& operator=(const MeterSource&) = delete;

  void Start();
  /// Ends the thread. Must be called before the destruction of a source that was started.
  void Stop();
  const std::string& name() const { return name_; }
  SourceState state() const;

 protected:
  /// Connects and reads until it fails or `stop()` says so.
  virtual absl::Status Session() = 0;
  const StopSignal& stop() const { return stop_; }
  /// Hands an observation on.
  void Observed(const Observation& observation);
  /// Notes something that could not be used; the first of a session is logged.
  void Malformed(const absl::Status& why);

 private:
  void Run();
  absl::Status RunSession();

  const std::string name_;
  const ObservationSink sink_;
  StopSignal stop_;
  std::thread thread_;
  mutable absl::Mutex mutex_;
  SourceState state_ ABSL_GUARDED_BY(mutex_);
  bool complained_ ABSL_GUARDED_BY(mutex_) = false;  // in the present session
};

}  // namespace peerwatt::agent
