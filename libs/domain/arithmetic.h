#pragma once

#include <cstdint>
#include <optional>

namespace peerwatt {

/// How a quotient that is not whole becomes whole. Always an argument, never a default.
enum class Rounding {
  kDown,      ///< Towards minus infinity.
  kUp,        ///< Towards plus infinity.
  kHalfEven,  ///< To the nearest; a half goes to the even neighbour.
  kHalfAway,  ///< To the nearest; a half goes away from zero, as on invoices.
};

/// a · b / divisor, exact in 128 bits, then rounded. divisor > 0.
/// Stops the process when the result does not fit 64 bits: callers bound their operands.
int64_t MulDiv(int64_t a, int64_t b, int64_t divisor, Rounding rounding);

/// a + b, or nothing when it does not fit 64 bits.
std::optional<int64_t> CheckedAdd(int64_t a, int64_t b);

/// a + b. Stops the process when it does not fit 64 bits.
int64_t AddOrDie(int64_t a, int64_t b);

}  // namespace peerwatt
