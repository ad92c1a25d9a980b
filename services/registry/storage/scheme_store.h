#pragma once

#include <vector>

#include "libs/postgres/pool.h"
#include "services/registry/core/schemes.h"

namespace peerwatt::registry {

/// Versions of schemes in PostgreSQL.
class PostgresSchemeStore final : public SchemeStore {
 public:
  explicit PostgresSchemeStore(postgres::Pool& pool) : pool_(pool) {}

  absl::StatusOr<Scheme> Create(const Scheme& scheme, absl::Time opened_until,
                                const Actor& actor) override;
  absl::StatusOr<Scheme> Get(const CommunityId& community, const SchemeId& id) override;
  absl::StatusOr<std::vector<Scheme>> List(const CommunityId& community, absl::Time before,
                                           int limit) override;
  absl::StatusOr<std::vector<Scheme>> ListInForce(const CommunityId& community,
                                                  Interval span) override;

 private:
  postgres::Pool& pool_;
};

}  // namespace peerwatt::registry
