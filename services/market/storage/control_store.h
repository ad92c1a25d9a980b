#pragma once

#include <optional>
#include <vector>

#include "libs/postgres/pool.h"
#include "services/market/core/control_desk.h"

namespace peerwatt::market {

/// The controls in PostgreSQL. Every change has the community's row of controls alone, which each
/// placing of orders shares.
class PostgresControlStore final : public ControlStore {
 public:
  explicit PostgresControlStore(postgres::Pool& pool) : pool_(pool) {}

  absl::StatusOr<Controls> Get(const CommunityId& community) override;
  absl::Status SetHalt(const CommunityId& community, bool halted, const Act& act) override;
  absl::Status AddLimits(const CommunityId& community, const LimitsVersion& limits,
                         const Act& act) override;
  absl::StatusOr<std::optional<KillSwitch>> GetKillSwitch(
      const CommunityId& community, const ParticipantId& participant) override;
  absl::StatusOr<std::vector<CancelledOrder>> Kill(const CommunityId& community,
                                                   const ParticipantId& participant,
                                                   const Act& act) override;
  absl::Status Lift(const CommunityId& community, const ParticipantId& participant,
                    const Act& act) override;
  absl::StatusOr<std::vector<ControlEvent>> ListEvents(const CommunityId& community, int64_t after,
                                                       int32_t limit) override;

 private:
  postgres::Pool& pool_;
};

}  // namespace peerwatt::market
