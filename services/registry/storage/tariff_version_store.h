#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "libs/postgres/pool.h"
#include "services/registry/core/tariff_versions.h"

namespace peerwatt::registry {

/// The version in force at an instant; nothing before the first. Within a transaction.
std::optional<TariffVersion> TariffVersionAt(pqxx::work& tx, const CommunityId& community,
                                             absl::Time time);

/// Versions of tariffs in PostgreSQL.
class PostgresTariffVersionStore final : public TariffVersionStore {
 public:
  explicit PostgresTariffVersionStore(postgres::Pool& pool) : pool_(pool) {}

  absl::StatusOr<TariffVersion> Create(const TariffVersion& version, bool keep,
                                       const Actor& actor) override;
  absl::StatusOr<TariffVersion> Get(const CommunityId& community, const TariffId& id) override;
  absl::StatusOr<std::vector<TariffVersion>> List(const CommunityId& community, absl::Time before,
                                                  int limit) override;
  absl::StatusOr<TariffsInForce> ListInForce(const CommunityId& community, Interval span) override;
  absl::StatusOr<std::vector<std::pair<CommunityId, int64_t>>> Counts() override;

 private:
  postgres::Pool& pool_;
};

}  // namespace peerwatt::registry
