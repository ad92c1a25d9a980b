#pragma once

#include <optional>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace peerwatt {

/// The time zone of a name in the IANA database, such as `Europe/Berlin`; nothing when there is
/// none. Neither paths nor offsets nor the machine's own zone are names: what is stored must mean
/// the same everywhere, and a caller's text opens no file outside the database.
std::optional<absl::TimeZone> IanaTimeZone(absl::string_view name);

}  // namespace peerwatt
