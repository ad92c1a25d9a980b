#pragma once

#include <optional>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "services/metering/core/series.h"
#include "services/metering/core/vee/finding.h"

namespace peerwatt::metering {

/// What a refused batch says about a metering point: the rule that stands for the refusal's
/// reason, over the series at fault. Nothing when the refusal is about no known point, such as
/// METERING_POINT_UNKNOWN or BATCH_TOO_LARGE. now: when it was refused.
std::optional<Finding> FindingOf(const Batch& batch, const absl::Status& refusal, absl::Time now);

}  // namespace peerwatt::metering
