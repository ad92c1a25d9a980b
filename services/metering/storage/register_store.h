#pragma once

#include <vector>

#include "libs/postgres/pool.h"
#include "services/metering/core/vee/ports.h"

namespace peerwatt::metering {

/// Register values in PostgreSQL. Safe for many threads.
class PostgresRegisterStore final : public RegisterStore {
 public:
  explicit PostgresRegisterStore(postgres::Pool& pool) : pool_(pool) {}

  absl::Status Keep(absl::Span<const RegisterSeries* const> series, absl::Time now) override;
  absl::StatusOr<std::vector<RegisterValue>> Around(const MeteringPointId& point,
                                                    Interval span) override;
  absl::StatusOr<std::vector<MeteringPointId>> PointsWithValues(
      const std::vector<MeteringPointId>& points) override;
  absl::StatusOr<std::vector<RegisterValue>> List(const RegisterQuery& query) override;

 private:
  postgres::Pool& pool_;
};

}  // namespace peerwatt::metering
