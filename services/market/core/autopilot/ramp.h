#pragma once

#include <cstdint>
#include <optional>

#include "absl/time/time.h"
#include "libs/domain/interval.h"
#include "libs/domain/quantities.h"
#include "services/market/core/model.h"

namespace peerwatt::market {

/// Parts of the open window in each of which a ramp has one price.
inline constexpr int32_t kRampSteps = 8;

/// The part of an auction's open window in which an instant lies, from 0; kRampSteps from gate
/// closure on, -1 before the opening.
/// window: from the opening to gate closure.
int32_t RampStepAt(Interval window, absl::Time time);
/// When a step begins, from 0 to kRampSteps.
absl::Time RampStepStart(Interval window, int32_t step);

/// The limit of a step: on the line from `start`, at the opening, to `end`, at gate closure, as it
/// is when the step begins. Rounded in the owner's favour: down for bids, up for offers. Without a
/// start the end.
/// step: from 0 to kRampSteps, which gives `end`.
Price RampPrice(Side side, const std::optional<Price>& start, Price end, int32_t step);

}  // namespace peerwatt::market
