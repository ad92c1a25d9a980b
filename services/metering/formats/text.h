#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "services/metering/core/series.h"

namespace peerwatt::metering {

/// Reads an instant of RFC 3339, whole seconds of the years 1970 to 9999: `2026-07-01T12:00:00Z`,
/// `2026-07-01T14:00:00+02:00`. Errors: FILE_TIME_WITHOUT_OFFSET; FILE_LINE_INVALID.
absl::StatusOr<absl::Time> ParseInstant(absl::string_view text);
/// Appends an instant in UTC: `2026-07-01T12:00:00Z`. time: whole seconds of the years 0 to 9999.
void AppendInstant(absl::Time time, std::string& out);

/// Reads digits with an optional minus, at most 15. Errors: FILE_LINE_INVALID.
absl::StatusOr<int64_t> ParseInteger(absl::string_view text);
/// Reads whole watt hours. Errors: ENERGY_NOT_WHOLE for a fraction; FILE_LINE_INVALID.
absl::StatusOr<int64_t> ParseWattHours(absl::string_view text);
/// Reads kilowatt hours with at most three decimals; returns watt hours.
/// Errors: ENERGY_NOT_WHOLE for more decimals; FILE_LINE_INVALID.
absl::StatusOr<int64_t> ParseKilowattHours(absl::string_view text);
/// `value` · 10^`power` when that is whole and fits. Errors: ENERGY_NOT_WHOLE, FILE_LINE_INVALID.
absl::StatusOr<int64_t> TimesPowerOfTen(int64_t value, int64_t power);

/// `MEASURED`, `CALCULATED`, `ESTIMATED`, `MISSING`.
absl::string_view QualityName(Quality quality);
/// Errors: FILE_LINE_INVALID.
absl::StatusOr<Quality> ParseQuality(absl::string_view name);
/// `SPLIT`, `LINEAR`, …; empty for none.
absl::string_view MethodName(Method method);
/// Errors: FILE_LINE_INVALID.
absl::StatusOr<Method> ParseMethod(absl::string_view name);

}  // namespace peerwatt::metering
