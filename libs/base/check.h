#pragma once

#include "absl/strings/string_view.h"

namespace peerwatt {

/// Logs a broken invariant of our own and stops the process.
[[noreturn]] void CheckFailed(const char* file, int line, const char* condition,
                              absl::string_view message);

}  // namespace peerwatt

/// Stops the process when an invariant of our own is broken. Never for bad input.
#define PW_CHECK(condition, message)                                       \
  do {                                                                     \
    if (!(condition)) [[unlikely]] {                                       \
      ::peerwatt::CheckFailed(__FILE__, __LINE__, #condition, (message));  \
    }                                                                      \
  } while (false)
