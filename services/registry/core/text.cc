#include "services/registry/core/text.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "libs/base/error.h"

namespace peerwatt::registry {

int CharacterCount(absl::string_view utf8) {
  const auto starts_character = [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
  };
  return static_cast<int>(std::count_if(utf8.begin(), utf8.end(), starts_character));
}

absl::Status CheckText(absl::string_view text, int min, int max, absl::string_view field) {
  const int count = CharacterCount(text);
  if (count < min || count > max) {
    return FieldInvalid(field, absl::StrCat("must have ", min, " to ", max, " characters"));
  }
  const auto is_control = [](char c) {
    return absl::ascii_iscntrl(static_cast<unsigned char>(c));
  };
  if (std::any_of(text.begin(), text.end(), is_control)) {
    return FieldInvalid(field, "must not contain control characters");
  }
  return absl::OkStatus();
}

}  // namespace peerwatt::registry
