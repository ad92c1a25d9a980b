#pragma once

#include <cstddef>
#include <vector>

#include "absl/types/span.h"
#include "services/metering/core/ports.h"

namespace peerwatt::metering {

/// Cuts batches of one transaction into consecutive runs in each of which no reading occurs twice,
/// so that one statement can store a run: it sees what the runs before it stored, not what it
/// stores itself. Each batch on its own is free of overlaps.
/// Returns the index after the last batch of each run.
std::vector<size_t> SplitIntoWaves(absl::Span<const AcceptedBatch> batches);

}  // namespace peerwatt::metering
