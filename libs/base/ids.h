#pragma once

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"

namespace peerwatt {

/// `size` bytes from the system's random source.
std::string RandomBytes(size_t size);

/// A random UUID (version 4), lower case.
std::string NewUuid();

/// A random id of 20 letters and digits that starts with a letter, fit for a resource name.
std::string NewResourceId();

/// Whether `id` has the form `[a-z][a-z0-9-]{0,61}[a-z0-9]` (a single letter is too short).
bool IsResourceId(absl::string_view id);

}  // namespace peerwatt
