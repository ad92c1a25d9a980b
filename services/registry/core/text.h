#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace peerwatt::registry {

/// How many characters (code points) a UTF-8 text has.
int CharacterCount(absl::string_view utf8);

/// Errors: FIELD_INVALID unless `text` has `min` to `max` characters and no control character.
absl::Status CheckText(absl::string_view text, int min, int max, absl::string_view field);

}  // namespace peerwatt::registry
