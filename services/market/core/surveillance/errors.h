#pragma once

#include "libs/base/error.h"

namespace peerwatt::market {

/// As many exports as may be under way are; try again later.
inline constexpr ErrorReason kExportsExceeded{"EXPORTS_EXCEEDED",
                                              absl::StatusCode::kResourceExhausted, true};
/// Others kept recording the same participant's owner; try again.
inline constexpr ErrorReason kRecordRaced{"RECORD_RACED", absl::StatusCode::kAborted, true};

}  // namespace peerwatt::market
