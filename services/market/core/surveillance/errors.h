#pragma once

#include "libs/base/error.h"

namespace peerwatt::market {

/// As many exports as may be under way are; try again later.
inline constexpr ErrorReason kExportsExceeded{"EXPORTS_EXCEEDED",
                                              absl::StatusCode::kResourceExhausted, true};

}  // namespace peerwatt::market
