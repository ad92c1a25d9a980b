#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "libs/base/clock.h"
#include "tools/peerwatt/api.h"
#include "tools/peerwatt/device_process.h"
#include "tools/peerwatt/live_line.h"
#include "tools/peerwatt/neighbourhood.h"
#include "tools/peerwatt/scenario.h"

namespace peerwatt::tool {

/// Moves the shared clock from one interval to the next, and only on when devices, market and
/// settlement have done all that is due: what happens depends on the story alone, not on how fast
/// the machine is or who was restarted.
class Lockstep {
 public:
  struct Parts {
    const Scenario& scenario;
    Neighbourhood& neighbourhood;
    Api& api;
    DeviceProcess& devices;
    SharedClock& clock;
    LiveLine& line;
    std::function<bool()> stopped;
    std::string logs;  ///< folder named in errors
  };
  /// speed: simulated time per real time at most; 0: as fast as it goes.
  Lockstep(Parts parts, double speed) : parts_(std::move(parts)), speed_(speed) {}

  /// Plays the whole timetable. Errors: kDeadlineExceeded naming the laggard when nothing moves for
  /// two minutes; kCancelled when asked to stop.
  absl::Status Run();
  int64_t outages() const { return outages_; }
  absl::Duration duration() const { return duration_; }
  /// Real time spent waiting, by the part that was behind.
  const std::map<std::string, absl::Duration>& waited() const { return waited_; }

 private:
  /// How far the parts have come.
  struct Reached {
    DeviceStatus devices;
    absl::Time auctions = absl::InfinitePast();
    absl::Time periods = absl::InfinitePast();
    int64_t dirty_periods = 0;
  };

  absl::Status WaitFor(absl::Time now);
  /// The part that is behind what is due, or empty. Asks only as far as the first such part.
  absl::StatusOr<std::string> Laggard(const Due& due);
  absl::Status Ask(const std::string& what, const char* field, absl::Time& reached,
                   const std::string& service);
  void ShowState(absl::Time now, int64_t step, int64_t steps);
  void NoteOutage(const std::string& what, const absl::Status& status);

  Parts parts_;
  double speed_;
  Reached reached_;
  std::string trouble_;  ///< of the call that failed last; empty when all answer
  int64_t outages_ = 0;
  absl::Time started_;
  absl::Duration duration_;
  std::map<std::string, absl::Duration> waited_;
  // What the live line shows.
  absl::Time shown_ = absl::InfinitePast();
  absl::Time auctions_seen_ = absl::InfinitePast();
  std::string last_price_ = "-";
  std::string ledger_sum_ = "0.00";
  Energy traded_;
};

}  // namespace peerwatt::tool
