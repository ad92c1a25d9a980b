#include "agent/power.h"

#include <algorithm>
#include <cstdlib>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace peerwatt::agent {
namespace {

constexpr int kDigitsMax = 36;

absl::Status Bad(absl::string_view text, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat("'", text, "' ", why));
}

bool IsDigit(char c) { return absl::ascii_isdigit(static_cast<unsigned char>(c)); }

// Takes leading digits off `rest` and appends them to `digits`; returns how many.
int TakeDigits(absl::string_view& rest, std::string& digits) {
  int count = 0;
  while (!rest.empty() && IsDigit(rest.front())) {
    digits += rest.front();
    rest.remove_prefix(1);
    ++count;
  }
  return count;
}

}  // namespace

absl::StatusOr<absl::int128> ParseDecimal(absl::string_view text) {
  absl::string_view rest = text;
  const bool negative = !rest.empty() && rest.front() == '-';
  if (negative) rest.remove_prefix(1);
  std::string digits;
  int found = TakeDigits(rest, digits);
  int decimals = 0;
  if (!rest.empty() && rest.front() == '.') {
    rest.remove_prefix(1);
    decimals = TakeDigits(rest, digits);
    found += decimals;
  }
  int exponent = 0;
  if (found > 0 && !rest.empty() && (rest.front() == 'e' || rest.front() == 'E')) {
    rest.remove_prefix(1);
    const bool down = !rest.empty() && rest.front() == '-';
    if (down || (!rest.empty() && rest.front() == '+')) rest.remove_prefix(1);
    std::string exponent_digits;
    if (TakeDigits(rest, exponent_digits) == 0) return Bad(text, "is not a decimal number");
    // Beyond three digits no value fits, whatever its sign; zero stays zero.
    exponent = 999;
    if (exponent_digits.size() <= 3) exponent = std::atoi(exponent_digits.c_str());
    if (down) exponent = -exponent;
  }
  if (found == 0 || !rest.empty()) return Bad(text, "is not a decimal number");

  // digits · 10^(exponent − decimals); zeros at both ends carry nothing.
  digits.erase(0, std::min(digits.find_first_not_of('0'), digits.size()));
  int power_of_ten = exponent - decimals;
  while (!digits.empty() && digits.back() == '0') {
    digits.pop_back();
    ++power_of_ten;
  }
  if (digits.empty()) return absl::int128(0);
  if (power_of_ten < -kDecimalsMax) return Bad(text, "has more than 18 decimals");
  const int size = static_cast<int>(digits.size());
  if (size + power_of_ten > 9 || size > kDigitsMax) return Bad(text, "is not below 1000000000");
  absl::int128 value = 0;
  for (const char digit : digits) value = value * 10 + (digit - '0');
  for (int i = -kDecimalsMax; i < power_of_ten; ++i) value *= 10;
  return negative ? -value : value;
}

}  // namespace peerwatt::agent
