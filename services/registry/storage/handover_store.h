#pragma once

#include "libs/postgres/pool.h"
#include "services/registry/core/handovers.h"

namespace peerwatt::registry {

/// Who was responsible for metering points when, in PostgreSQL.
class PostgresHandoverStore final : public HandoverStore {
 public:
  explicit PostgresHandoverStore(postgres::Pool& pool) : pool_(pool) {}

  absl::StatusOr<Handover> HandOver(const Handover& asked, const Actor& actor) override;
  absl::StatusOr<Membership> MembershipAt(const CommunityId& community, absl::Time time) override;

 private:
  postgres::Pool& pool_;
};

}  // namespace peerwatt::registry
