#pragma once

#include <string>
#include <vector>

#include "libs/postgres/pool.h"
#include "services/metering/core/evidence/ocmf_gate.h"

namespace peerwatt::metering {

/// OCMF meters and records in PostgreSQL. Safe for many threads.
class PostgresOcmfStore final : public OcmfStore {
 public:
  explicit PostgresOcmfStore(postgres::Pool& pool) : pool_(pool) {}

  absl::StatusOr<OcmfMeter> CreateMeter(const OcmfMeter& meter) override;
  absl::StatusOr<absl::flat_hash_map<std::string, OcmfMeter>> FindMeters(
      const std::vector<std::string>& serial_numbers) override;
  absl::Status Keep(absl::Span<const OcmfEntry> entries, absl::Time now) override;
  absl::StatusOr<OcmfRecordPage> List(const OcmfRecordQuery& query) override;

 private:
  postgres::Pool& pool_;
};

}  // namespace peerwatt::metering
