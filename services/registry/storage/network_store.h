#pragma once

#include <string>
#include <vector>

#include "libs/postgres/pool.h"
#include "services/registry/core/networks.h"

namespace peerwatt::registry {

/// Versions of networks in PostgreSQL.
class PostgresNetworkStore final : public NetworkStore {
 public:
  explicit PostgresNetworkStore(postgres::Pool& pool) : pool_(pool) {}

  absl::StatusOr<Network> Create(const Network& network, const Actor& actor) override;
  absl::StatusOr<Network> Get(const CommunityId& community, const NetworkId& id) override;
  absl::StatusOr<std::vector<Network>> List(const CommunityId& community, absl::Time before,
                                            int limit) override;
  absl::StatusOr<std::vector<Network>> ListInForce(const CommunityId& community,
                                                   Interval span) override;

 private:
  postgres::Pool& pool_;
};

/// Locks the community and checks that a point may lie in a zone of it, seen at an instant.
/// Errors: ZONE_UNKNOWN.
absl::Status RequireZone(pqxx::work& tx, const std::string& community, const std::string& zone,
                         absl::Time now);

}  // namespace peerwatt::registry
