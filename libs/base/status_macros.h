#pragma once

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#define PW_CONCAT_INNER(a, b) a##b
#define PW_CONCAT(a, b) PW_CONCAT_INNER(a, b)

/// Returns the status of `expression` from the enclosing function unless it is OK. The name of the
/// variable carries the line, so that `expression` may hold a lambda that uses the macro itself.
#define PW_RETURN_IF_ERROR(expression) \
  PW_RETURN_IF_ERROR_IMPL(PW_CONCAT(pw_status_, __LINE__), expression)

#define PW_RETURN_IF_ERROR_IMPL(status, expression)          \
  do {                                                       \
    if (absl::Status status = (expression); !status.ok()) {  \
      return status;                                         \
    }                                                        \
  } while (false)

/// Assigns the value of a StatusOr to `lhs`, or returns its status from the enclosing function.
#define PW_ASSIGN_OR_RETURN(lhs, expression) \
  PW_ASSIGN_OR_RETURN_IMPL(PW_CONCAT(pw_status_or_, __LINE__), lhs, expression)

#define PW_ASSIGN_OR_RETURN_IMPL(status_or, lhs, expression) \
  auto status_or = (expression);                             \
  if (!status_or.ok()) {                                     \
    return std::move(status_or).status();                    \
  }                                                          \
  lhs = *std::move(status_or)
