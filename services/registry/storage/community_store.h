#pragma once

#include <vector>

#include "libs/postgres/pool.h"
#include "services/registry/core/communities.h"

namespace peerwatt::registry {

/// Reads a row of kSelectCommunityMembers or kSelectMembers.
Member MemberFrom(const pqxx::row& row);

/// Communities and tariffs in PostgreSQL.
class PostgresCommunityStore final : public CommunityStore {
 public:
  explicit PostgresCommunityStore(postgres::Pool& pool) : pool_(pool) {}

  absl::StatusOr<Community> Create(const Community& community) override;
  absl::StatusOr<Community> Get(const CommunityId& id) override;
  absl::StatusOr<std::vector<Community>> List(const CommunityId& after, int limit) override;
  absl::StatusOr<Tariff> CreateTariff(const Tariff& tariff) override;
  absl::StatusOr<std::vector<Tariff>> ListTariffs(const CommunityId& community, absl::Time before,
                                                  int limit) override;
  absl::StatusOr<CommunitySnapshot> Snapshot(const CommunityId& id, absl::Time time) override;

 private:
  postgres::Pool& pool_;
};

}  // namespace peerwatt::registry
