#include "services/metering/core/evidence/decimal.h"

#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"

namespace peerwatt::metering {
namespace {

constexpr int kExponentMax = 1000;

}  // namespace

std::optional<int64_t> ScaledDecimal(absl::string_view number, int scale, int64_t max) {
  int exponent = 0;
  if (const size_t at = number.find_first_of("eE"); at != number.npos) {
    absl::string_view written = number.substr(at + 1);
    if (!written.empty() && written[0] == '+') {
      written.remove_prefix(1);
    }
    if (!absl::SimpleAtoi(written, &exponent) || exponent > kExponentMax ||
        exponent < -kExponentMax) {
      return std::nullopt;
    }
    number = number.substr(0, at);
  }
  std::string digits;
  bool fraction = false;
  for (const char c : number) {
    if (c == '.' && !fraction && !digits.empty()) {
      fraction = true;
    } else if (absl::ascii_isdigit(static_cast<unsigned char>(c))) {
      digits += c;
      exponent -= fraction ? 1 : 0;
    } else {
      return std::nullopt;
    }
  }
  if (digits.empty()) {
    return std::nullopt;
  }
  // The value is digits * 10^zeros now; zeros at the end of the digits are worth nothing.
  int64_t zeros = exponent + scale;
  while (zeros < 0 && !digits.empty() && digits.back() == '0') {
    digits.pop_back();
    ++zeros;
  }
  int64_t value = 0;
  for (const char c : digits) {
    if (value > (max - (c - '0')) / 10) {
      return std::nullopt;
    }
    value = value * 10 + (c - '0');
  }
  if (value == 0) {
    return 0;
  }
  if (zeros < 0) {
    return std::nullopt;
  }
  for (; zeros > 0; --zeros) {
    if (value > max / 10) {
      return std::nullopt;
    }
    value *= 10;
  }
  return value;
}

}  // namespace peerwatt::metering
