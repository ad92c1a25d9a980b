#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace peerwatt::tool {

/// What a profile covers: `[start, end)` in steps of `interval`.
struct ProfileSpan {
  absl::Time start;
  absl::Time end;
  absl::Duration interval;
};

/// Finds the span of a CSV profile with a header and rows `unix seconds,value`; seconds may have a
/// fraction of zeros. Errors: kInvalidArgument when it has no two rows or they cannot be read.
absl::StatusOr<ProfileSpan> SpanOfProfile(const std::string& csv);

/// The end of a span of `days` local days from `start`, at most `limit`. A local day may have 92 or
/// 100 quarter-hours.
absl::Time EndAfterLocalDays(absl::Time start, int days, absl::TimeZone zone, absl::Time limit);

}  // namespace peerwatt::tool
