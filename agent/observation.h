#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "absl/time/time.h"

namespace peerwatt::agent {

/// What a cumulative register shows, exact to a thousandth of a watt hour.
struct RegisterValue {
  int64_t mwh = 0;           ///< milliwatt hours, not negative
  int64_t rollover_mwh = 0;  ///< the register starts again from 0 here; 0 when it never does

  bool operator==(const RegisterValue&) const = default;
};

/// What a meter's registers showed at one instant.
struct Observation {
  absl::Time time;
  std::string meter;  ///< serial number, at most 63 characters; another one is another meter
  std::optional<RegisterValue> imported;
  std::optional<RegisterValue> exported;
};

/// Hears what a source observes; from the source's thread.
using ObservationSink = std::function<void(const Observation&)>;

}  // namespace peerwatt::agent
