#pragma once

#include "absl/time/time.h"
#include "services/market/core/contracts/values.h"

namespace peerwatt::market {

/// The zone by which a profile counts days. profile: of terms that CheckTerms let pass.
absl::TimeZone ZoneOf(const ContractProfile& profile);

/// The first window in which an instant lies, or null: by the date and the time that a clock on the
/// wall shows. The hour that a clock shows twice in autumn counts twice, the one that it skips in
/// spring does not exist.
const ContractWindow* WindowAt(const ContractProfile& profile, absl::Time start);

/// Millionths of an output, rounded down to a Wh.
Energy ShareOf(Energy output, int64_t share_ppm);

}  // namespace peerwatt::market
