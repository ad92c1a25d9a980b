#pragma once

#include <cstdint>
#include <vector>

#include "services/settlement/core/explain/steps.h"
#include "services/settlement/core/sharing.h"

namespace peerwatt::settlement {

/// A pool and who may take of it, in the order in which ties are broken.
struct SharedPool {
  int64_t fed_in_wh = 0;
  std::vector<SharingMember> members;  ///< all connections, needs as they are after netting
  size_t own = 0;                      ///< whose part is explained
};

/// The steps that lead from the pool to what a key gives the own member. Others are named by sums
/// alone: what is left of the pool, and by ranks of remainders.
/// all: the step whose result is the pool; need: the one whose result is the own need.
/// Returns the step with the own part.
size_t StepsOfShare(StepList& list, const SharedPool& pool, SharingKey key, size_t all,
                    size_t need);

}  // namespace peerwatt::settlement
