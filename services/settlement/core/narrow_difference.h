#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "services/settlement/core/difference.h"
#include "services/settlement/core/neighbourhood.h"
#include "services/settlement/core/settlement.h"
#include "services/settlement/core/welfare.h"

namespace peerwatt::settlement {

/// What computing a part of a period changes of the whole.
struct NarrowDifference {
  std::vector<Line> lines;  ///< as `DifferenceOf` has them for all of the period
  PeriodTotals totals;      ///< change
  int32_t price_missing_count = 0;  ///< change
  std::optional<Welfare> welfare;   ///< of all of the period, after it; none where none is kept
};

/// Takes what a part comes to and what was posted to what changes.
/// part: of a traded period. computed: the part's lines from scratch. posted: of the participants
/// of affected connections; others of theirs are passed over. welfare_posted: of the period.
/// Returns nothing when something else than the part must have changed as well, or its welfare
/// cannot be told from this: then the whole period is to be computed.
std::optional<NarrowDifference> DifferenceOfPart(const Neighbourhood& part,
                                                 const std::vector<Line>& computed,
                                                 const std::vector<PostedLine>& posted,
                                                 const std::optional<Welfare>& welfare_posted);

}  // namespace peerwatt::settlement
