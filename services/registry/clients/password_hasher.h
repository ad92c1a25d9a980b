#pragma once

#include <condition_variable>
#include <mutex>
#include <string>

#include "services/registry/core/security.h"

namespace peerwatt::registry {

/// argon2id, for a few callers at once: each takes 64 MiB and about 0.1 s of a core, and a flood of
/// sign-ins must not take the service from the others.
class ArgonPasswordHasher final : public PasswordHasher {
 public:
  /// working_max: how many work at once. waiting_max: how many may wait for them.
  ArgonPasswordHasher(int working_max, int waiting_max);

  absl::StatusOr<std::string> Hash(absl::string_view password) override;
  absl::StatusOr<bool> Verify(absl::string_view password, const std::string& phc) override;

 private:
  class Turn;
  absl::Status TakeTurn();
  void EndTurn();

  const int working_max_;
  const int waiting_max_;
  const std::string decoy_phc_;
  std::mutex mutex_;
  std::condition_variable ended_;
  int working_ = 0;
  int waiting_ = 0;
};

}  // namespace peerwatt::registry
