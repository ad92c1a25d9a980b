#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "agent/observation.h"
#include "agent/register_track.h"
#include "nlohmann/json.hpp"
#include "peerwatt/metering/v1/metering.pb.h"

namespace peerwatt::agent {

/// In which form what a meter counted is sent.
enum class SendAs {
  kIntervals,  ///< energy of intervals; those of a gap are estimated here
  kRegisters,  ///< register values at the boundaries; the server makes intervals of them
};

/// What is recorded at one metering point.
struct RecorderOptions {
  std::string metering_point;  ///< `meteringPoints/h01`
  bool imports = true;         ///< whether energy drawn is recorded
  bool exports = true;         ///< whether energy fed in is recorded
  TrackOptions track;
  SendAs send_as = SendAs::kIntervals;
  /// Gaps up to this are filled; at most 10000 intervals.
  absl::Duration gap_max = absl::Hours(24 * 31);
  /// Boundaries that wait for room in the buffer. Beyond, the ones in between are given up: their
  /// energy stays, as estimated intervals.
  size_t waiting_max = 1000;
};

/// What a recorder did not do as told.
struct RecorderState {
  int64_t unused_observations = 0;
  int64_t restarts = 0;             ///< counting began anew: another meter, or time fell back
  int64_t boundaries_given_up = 0;  ///< for want of room
  absl::Time recorded_through = absl::InfinitePast();
};

/// Makes batches of what one meter shows for one metering point. `Observe` may be called from any
/// thread, all else from one at a time.
class PointRecorder {
 public:
  explicit PointRecorder(const RecorderOptions& options);

  /// Takes an observation of the meter.
  void Observe(const Observation& observation) ABSL_LOCKS_EXCLUDED(mutex_);
  /// Adds what was finished since, up to `readings_max` readings or one gap. Returns how many.
  int64_t Fill(int64_t readings_max, metering::v1::Batch& batch) ABSL_LOCKS_EXCLUDED(mutex_);
  /// Where it stands after the last `Fill`, to go on from after a restart; null before the first.
  nlohmann::json Checkpoint() const;
  /// Goes on from a checkpoint. Errors: BUFFER_DAMAGED.
  absl::Status Resume(const nlohmann::json& checkpoint) ABSL_LOCKS_EXCLUDED(mutex_);
  RecorderState state() const ABSL_LOCKS_EXCLUDED(mutex_);
  const std::string& metering_point() const { return options_.metering_point; }

 private:
  void AddIntervals(const std::vector<IntervalEnergy>& intervals, metering::v1::Batch& batch) const;
  void AddRegisters(const std::vector<Boundary>& run, metering::v1::Batch& batch) const;

  const RecorderOptions options_;
  IntervalMaker maker_;
  mutable absl::Mutex mutex_;
  RegisterTrack track_ ABSL_GUARDED_BY(mutex_);
  std::deque<Boundary> waiting_ ABSL_GUARDED_BY(mutex_);
  int64_t given_up_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace peerwatt::agent
