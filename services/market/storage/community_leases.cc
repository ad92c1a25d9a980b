#include "services/market/storage/community_leases.h"

namespace peerwatt::market {

std::optional<int64_t> PostgresCommunityLeases::Enter(const CommunityId& community) {
  const std::optional<int64_t> token = leases_.TokenOf(community.value());
  const std::lock_guard lock(mutex_);
  if (token.has_value()) {
    entered_[community] = *token;
  } else {
    entered_.erase(community);
  }
  return token;
}

absl::Status PostgresCommunityLeases::Require(pqxx::work& tx, const CommunityId& community) const {
  int64_t token = -1;  // No lease has it.
  {
    const std::lock_guard lock(mutex_);
    const auto found = entered_.find(community);
    if (found != entered_.end()) {
      token = found->second;
    }
  }
  return leases_.Require(tx, community.value(), token);
}

}  // namespace peerwatt::market
