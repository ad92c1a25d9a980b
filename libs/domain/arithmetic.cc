#include "libs/domain/arithmetic.h"

#include <limits>

#include "absl/numeric/int128.h"
#include "libs/base/check.h"

namespace peerwatt {

int64_t MulDiv(int64_t a, int64_t b, int64_t divisor, Rounding rounding) {
  PW_CHECK(divisor > 0, "MulDiv needs a divisor above zero");
  const absl::int128 product = absl::int128(a) * absl::int128(b);
  const absl::int128 wide_divisor = divisor;
  absl::int128 floor = product / wide_divisor;
  absl::int128 remainder = product % wide_divisor;
  if (remainder < 0) {
    floor -= 1;
    remainder += wide_divisor;
  }
  absl::int128 result = floor;
  switch (rounding) {
    case Rounding::kDown:
      break;
    case Rounding::kUp:
      if (remainder > 0) result += 1;
      break;
    case Rounding::kHalfEven: {
      const absl::int128 twice = remainder * 2;
      if (twice > wide_divisor || (twice == wide_divisor && floor % 2 != 0)) result += 1;
      break;
    }
    case Rounding::kHalfAway: {
      const absl::int128 twice = remainder * 2;
      if (twice > wide_divisor || (twice == wide_divisor && product > 0)) result += 1;
      break;
    }
  }
  PW_CHECK(result >= std::numeric_limits<int64_t>::min() &&
               result <= std::numeric_limits<int64_t>::max(),
           "the result of MulDiv does not fit 64 bits");
  return static_cast<int64_t>(result);
}

std::optional<int64_t> CheckedAdd(int64_t a, int64_t b) {
  int64_t sum = 0;
  if (__builtin_add_overflow(a, b, &sum)) return std::nullopt;
  return sum;
}

int64_t AddOrDie(int64_t a, int64_t b) {
  const std::optional<int64_t> sum = CheckedAdd(a, b);
  PW_CHECK(sum.has_value(), "a sum does not fit 64 bits");
  return *sum;
}

}  // namespace peerwatt
