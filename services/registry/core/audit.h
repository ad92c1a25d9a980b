#pragma once

#include <string>

#include "absl/time/time.h"

namespace peerwatt::registry {

/// Who asks for a change, and when; written down with the change where the law wants to know.
struct Actor {
  std::string name;  ///< `users/u1`, or `system` for what the service does by itself
  absl::Time at;
};

}  // namespace peerwatt::registry
