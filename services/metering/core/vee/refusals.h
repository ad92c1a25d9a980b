#pragma once

#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "services/metering/core/evidence/chain.h"
#include "services/metering/core/series.h"
#include "services/metering/core/vee/finding.h"

namespace peerwatt::metering {

/// What a refused batch says about a metering point: the rule that stands for the refusal's
/// reason, over the series at fault. Nothing when the refusal is about no known point, such as
/// METERING_POINT_UNKNOWN or BATCH_TOO_LARGE. now: when it was refused.
std::optional<Finding> FindingOf(const Batch& batch, const absl::Status& refusal, absl::Time now);

/// What a batch says whose signature is wrong or missing (`SIGNATURE`, refused) or which does not
/// follow the one before (`SIGNATURE_CHAIN`, stored): one finding for each of its metering points,
/// over all that the batch says of it. Nothing when neither is the case.
/// events: what is kept of the batch. now: when it was judged.
std::vector<Finding> SignatureFindingsOf(const Batch& batch, const absl::Status& status,
                                         const ChainEvents& events, absl::Time now);

}  // namespace peerwatt::metering
