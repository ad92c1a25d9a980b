#pragma once

#include <vector>

#include "services/settlement/core/line.h"

namespace peerwatt::settlement {

/// What all runs of a period so far posted under one key.
struct PostedLine {
  LineKey key;
  Energy energy;
  Money amount;
};

/// The lines that bring what was posted to what was computed: new less posted, per key. A key that
/// is no longer computed is taken back in full. Keys without a difference have no line, so a run
/// that changes nothing has none.
/// computed: from scratch, each key once. posted: each key once; empty for the first run.
/// Returns the lines in the order of their keys, with the computed price and flag (price 0 and no
/// flag for a line taken back).
std::vector<Line> DifferenceOf(const std::vector<Line>& computed,
                               const std::vector<PostedLine>& posted);

}  // namespace peerwatt::settlement
