#pragma once

#include <vector>

#include "libs/postgres/pool.h"
#include "services/registry/core/participants.h"

namespace peerwatt::registry {

/// Participants in PostgreSQL.
class PostgresParticipantStore final : public ParticipantStore {
 public:
  explicit PostgresParticipantStore(postgres::Pool& pool) : pool_(pool) {}

  absl::StatusOr<Participant> Create(const Participant& participant) override;
  absl::StatusOr<Participant> Get(const ParticipantId& id) override;
  absl::StatusOr<std::vector<Participant>> List(const ParticipantFilter& filter,
                                                const ParticipantId& after, int limit) override;
  absl::StatusOr<Participant> ChangeKyc(const ParticipantId& id, KycAction action,
                                        const Actor& actor, Decision decide) override;
  absl::StatusOr<ParticipantContext> GetContext(const ParticipantId& id) override;

 private:
  postgres::Pool& pool_;
};

}  // namespace peerwatt::registry
