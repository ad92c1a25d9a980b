#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/observation.h"
#include "libs/domain/quantities.h"

namespace peerwatt::agent {

/// How observations of a meter become register values on the interval grid.
struct TrackOptions {
  absl::Duration interval = absl::Minutes(15);
  /// How far from a boundary an observation may be and still speak for it.
  absl::Duration tolerance = absl::Seconds(15);
  /// Most power that can flow in one direction; what a register cannot have counted is not
  /// believed.
  int64_t power_max_w = 100'000;  ///< 1 to 10^9
};

/// What the registers showed at a boundary of the grid.
struct Boundary {
  absl::Time time;
  std::string meter;
  std::optional<RegisterValue> imported;
  std::optional<RegisterValue> exported;
};

/// How far a register counted up between two values, over at most one rollover.
/// Returns nothing when it went back.
std::optional<int64_t> CountedMwh(const RegisterValue& from, const RegisterValue& to);

/// Picks the register values at the boundaries of the grid out of a stream of observations: the
/// nearest one within the tolerance, the earlier of two that are equally near. A boundary without
/// one is left out.
///
/// An observation is not used when it is not newer than the one before, is of another meter, lacks
/// a register that the one before had, or differs by more than could have flowed in the time since
/// and one hour more. Three in a row that agree among themselves are believed: the meter was
/// exchanged, and counting begins anew. So does it at once when the time falls back by an hour.
class RegisterTrack {
 public:
  explicit RegisterTrack(const TrackOptions& options) : options_(options) {}

  /// Goes on after a boundary that was picked before a restart.
  void Resume(const Boundary& last) {
    last_ = Observation{last.time, last.meter, last.imported, last.exported};
  }
  /// Takes an observation; adds the boundaries that it decides, oldest first.
  void Observe(const Observation& observation, std::vector<Boundary>& decided);
  /// Observations that were not used, and how often counting began anew.
  int64_t unused() const { return unused_; }
  int64_t restarts() const { return restarts_; }

 private:
  bool Follows(const Observation& before, const Observation& after) const;
  void Decide(absl::Time time, const Observation& observation,
              std::vector<Boundary>& decided) const;
  bool Believes(const Observation& observation);

  TrackOptions options_;
  std::optional<Observation> last_;
  std::optional<Observation> doubted_;
  int doubts_ = 0;
  int64_t unused_ = 0;
  int64_t restarts_ = 0;
};

/// Energy of one interval of a metering point.
struct IntervalEnergy {
  absl::Time start;
  Energy imported;
  Energy exported;
  bool estimated = false;  ///< on the straight line between the values at both ends of a gap
};

/// Turns boundaries into the energy of intervals. What a register counted is kept to the
/// thousandth, so intervals add up to the difference of what the register shows in whole watt
/// hours.
class IntervalMaker {
 public:
  /// gap_max: longer gaps between boundaries are left open.
  IntervalMaker(absl::Duration interval, absl::Duration gap_max)
      : interval_(interval), gap_max_(gap_max) {}

  /// Goes on after `last`; the rests are what `rests` said then.
  void Resume(const Boundary& last, int64_t import_rest_mwh, int64_t export_rest_mwh);
  /// Adds the intervals between the boundary before and this one; none after an exchange, or when
  /// the gap is too long. One interval is as measured; of several, each is on the straight line.
  void Add(const Boundary& boundary, std::vector<IntervalEnergy>& intervals);
  const std::optional<Boundary>& last() const { return last_; }
  int64_t import_rest_mwh() const { return import_rest_mwh_; }
  int64_t export_rest_mwh() const { return export_rest_mwh_; }

 private:
  absl::Duration interval_;
  absl::Duration gap_max_;
  std::optional<Boundary> last_;
  int64_t import_rest_mwh_ = 0;
  int64_t export_rest_mwh_ = 0;
};

}  // namespace peerwatt::agent
