#include "services/registry/clients/password_hasher.h"

#include "libs/base/check.h"
#include "libs/base/ids.h"
#include "libs/base/status_macros.h"
#include "libs/crypto/password.h"
#include "services/registry/core/errors.h"

namespace peerwatt::registry {
namespace {

std::string HashOfNothing() {
  const auto phc = crypto::HashPassword(RandomBytes(32));
  PW_CHECK(phc.ok(), "there is memory to hash a password");
  return *phc;
}

absl::Status Busy() {
  return Error(kSignInBusy, "too many sign-ins at once; try again in a moment");
}

}  // namespace

/// Gives the place back at the end of a scope.
class ArgonPasswordHasher::Turn {
 public:
  explicit Turn(ArgonPasswordHasher& hasher) : hasher_(hasher) {}
  ~Turn() { hasher_.EndTurn(); }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

 private:
  ArgonPasswordHasher& hasher_;
};

ArgonPasswordHasher::ArgonPasswordHasher(int working_max, int waiting_max)
    : working_max_(working_max), waiting_max_(waiting_max), decoy_phc_(HashOfNothing()) {}

absl::Status ArgonPasswordHasher::TakeTurn() {
  std::unique_lock lock(mutex_);
  if (working_ >= working_max_ && waiting_ >= waiting_max_) return Busy();
  ++waiting_;
  ended_.wait(lock, [this] { return working_ < working_max_; });
  --waiting_;
  ++working_;
  return absl::OkStatus();
}

void ArgonPasswordHasher::EndTurn() {
  {
    const std::lock_guard lock(mutex_);
    --working_;
  }
  ended_.notify_one();
}

absl::StatusOr<std::string> ArgonPasswordHasher::Hash(absl::string_view password) {
  PW_RETURN_IF_ERROR(TakeTurn());
  const Turn turn(*this);
  auto phc = crypto::HashPassword(password);
  if (!phc.ok()) return Busy();
  return phc;
}

absl::StatusOr<bool> ArgonPasswordHasher::Verify(absl::string_view password,
                                                 const std::string& phc) {
  PW_RETURN_IF_ERROR(TakeTurn());
  const Turn turn(*this);
  const bool matches = crypto::VerifyPassword(password, phc.empty() ? decoy_phc_ : phc);
  return matches && !phc.empty();
}

}  // namespace peerwatt::registry
