#pragma once

#include <cstdint>
#include <optional>

#include "absl/strings/string_view.h"

namespace peerwatt::metering {

/// A decimal number as JSON writes it (`0.2596`, `2.5e3`), times 10^scale, exactly.
/// Nothing when it is negative, above `max`, or has digits behind that would be lost.
std::optional<int64_t> ScaledDecimal(absl::string_view number, int scale, int64_t max);

}  // namespace peerwatt::metering
