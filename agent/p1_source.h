#pragma once

#include "agent/line.h"
#include "agent/meter_source.h"
#include "libs/base/clock.h"

namespace peerwatt::agent {

/// How a meter's P1 port is read.
struct P1Options {
  LineOptions line;
  /// From UTC to the standard time of the place.
  absl::Duration standard_offset = absl::Hours(1);
  /// Telegrams whose time is further from the agent's clock are not used.
  absl::Duration clock_difference_max = absl::Minutes(5);
  /// A line that says nothing for so long is opened again.
  absl::Duration silence_max = absl::Seconds(60);
};

/// A smart meter's P1 port (DSMR 2.2 to 5, its Belgian and Luxembourg variants), over TCP or
/// serial. An observation has the time that the telegram names, or the agent's clock when it names
/// none.
class P1Source final : public MeterSource {
 public:
  /// clock outlives the source.
  P1Source(std::string name, P1Options options, const Clock& clock, ObservationSink sink);

 protected:
  absl::Status Session() override;

 private:
  void Take(const std::string& telegram);

  const P1Options options_;
  const Clock& clock_;
};

}  // namespace peerwatt::agent
