#include "libs/domain/quantities.h"

#include <limits>

#include "absl/numeric/int128.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace peerwatt {

Money AmountOf(Energy energy, Price price, Rounding rounding) {
  return Money::Micros(MulDiv(energy.wh(), price.micros_per_kwh(), 1000, rounding));
}

std::string FormatMicros(int64_t micros) {
  const uint64_t magnitude =
      micros < 0 ? uint64_t{0} - static_cast<uint64_t>(micros) : static_cast<uint64_t>(micros);
  std::string text = absl::StrFormat("%s%d.%06d", micros < 0 ? "-" : "", magnitude / 1'000'000,
                                     magnitude % 1'000'000);
  const size_t shortest = text.find('.') + 3;
  while (text.size() > shortest && text.back() == '0') text.pop_back();
  return text;
}

absl::StatusOr<int64_t> ParseMicros(absl::string_view text) {
  const auto bad = [&](absl::string_view why) {
    return absl::InvalidArgumentError(absl::StrCat("'", text, "' ", why));
  };
  absl::string_view rest = text;
  const bool negative = !rest.empty() && rest.front() == '-';
  if (negative) rest.remove_prefix(1);
  absl::int128 micros = 0;
  int decimals = -1;
  bool any_digit = false;
  for (const char c : rest) {
    if (c == '.' && decimals < 0) {
      decimals = 0;
      continue;
    }
    if (!absl::ascii_isdigit(static_cast<unsigned char>(c))) return bad("is not a decimal number");
    if (decimals >= 0 && ++decimals > 6) return bad("has more than six decimals");
    any_digit = true;
    micros = micros * 10 + (c - '0');
    if (micros > absl::int128(std::numeric_limits<int64_t>::max())) return bad("is too large");
  }
  if (!any_digit) return bad("is not a decimal number");
  for (int i = decimals < 0 ? 0 : decimals; i < 6; ++i) micros *= 10;
  if (micros > absl::int128(std::numeric_limits<int64_t>::max())) return bad("is too large");
  const auto value = static_cast<int64_t>(micros);
  return negative ? -value : value;
}

bool IsCurrencyCode(absl::string_view code) {
  return code.size() == 3 && absl::ascii_isupper(static_cast<unsigned char>(code[0])) &&
         absl::ascii_isupper(static_cast<unsigned char>(code[1])) &&
         absl::ascii_isupper(static_cast<unsigned char>(code[2]));
}

}  // namespace peerwatt
