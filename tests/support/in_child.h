#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "absl/functional/function_ref.h"

namespace peerwatt::testing {

/// Whether `holds` returns true in a process of its own, which it may stop: a broken invariant
/// there counts as false.
inline bool HoldsInChild(absl::FunctionRef<bool()> holds) {
  const pid_t child = fork();
  if (child == 0) {
    _exit(holds() ? 0 : 1);
  }
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace peerwatt::testing
