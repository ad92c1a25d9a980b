#include "libs/domain/time_zone.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

namespace peerwatt {
namespace {

constexpr size_t kNameMax = 64;

bool IsName(absl::string_view text) {
  const auto is_safe = [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '/' || c == '_' || c == '-' ||
           c == '+';
  };
  return !text.empty() && text.size() <= kNameMax &&
         absl::ascii_isalpha(static_cast<unsigned char>(text[0])) &&
         std::all_of(text.begin(), text.end(), is_safe) && !absl::StartsWith(text, "Fixed/") &&
         text != "localtime";
}

}  // namespace

std::optional<absl::TimeZone> IanaTimeZone(absl::string_view name) {
  absl::TimeZone zone;
  if (!IsName(name) || !absl::LoadTimeZone(name, &zone)) {
    return std::nullopt;
  }
  return zone;
}

}  // namespace peerwatt
