#pragma once

#include <cstdint>

#include "services/metering/core/ports.h"

namespace peerwatt::metering {

/// How many intervals of a period have a value of which quality.
struct Completeness {
  int64_t expected = 0;
  int64_t measured = 0;
  int64_t calculated = 0;
  int64_t estimated = 0;
  int64_t missing = 0;

  bool operator==(const Completeness&) const = default;
};

/// Counts the values of a column that has one per interval of the period.
Completeness CompletenessOf(const ReadingColumn& column);

}  // namespace peerwatt::metering
