#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>

#include <pqxx/pqxx>

#include "absl/status/status.h"
#include "libs/postgres/leases.h"
#include "services/market/core/leases.h"

namespace peerwatt::market {

/// The leases of this replica with the token of the turn that the runner is in. A lease that was
/// lost and taken again meanwhile has a newer token; the turn's writes are refused all the same.
class PostgresCommunityLeases final : public CommunityLeases {
 public:
  explicit PostgresCommunityLeases(postgres::Leases& leases) : leases_(leases) {}

  std::optional<int64_t> Enter(const CommunityId& community) override;
  /// Lets a write pass only under the newest token of its community, until the transaction ends.
  /// Errors: LEASE_LOST.
  absl::Status Require(pqxx::work& tx, const CommunityId& community) const;

 private:
  postgres::Leases& leases_;
  mutable std::mutex mutex_;
  std::map<CommunityId, int64_t> entered_;
};

}  // namespace peerwatt::market
