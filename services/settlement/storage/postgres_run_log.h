#pragma once

#include <vector>

#include <pqxx/pqxx>

#include "libs/postgres/pool.h"
#include "services/settlement/core/run_log.h"

namespace peerwatt::settlement {

/// Keeps calendars and what runs did in PostgreSQL.
class PostgresRunLog final : public RunLog {
 public:
  explicit PostgresRunLog(postgres::Pool& pool) : pool_(pool) {}

  absl::StatusOr<RunCalendar> AddCalendar(const CommunityId& community,
                                          const RunCalendar& calendar) override;
  absl::StatusOr<std::vector<LoggedRun>> ListRuns(const CommunityId& community,
                                                  const RunFilter& filter, int32_t limit) override;
  absl::StatusOr<std::vector<LateChange>> ListLateChanges(const CommunityId& community,
                                                          const LateChange& after,
                                                          int32_t limit) override;

 private:
  postgres::Pool& pool_;
};

/// Reads the calendar in force; the default when there is none.
RunCalendar ReadCalendar(pqxx::work& tx, const CommunityId& community);
/// Reads up to where the calendar's runs came.
RunReach ReadReach(pqxx::work& tx, const CommunityId& community);
/// Keeps that a run takes place, once.
void WriteRun(pqxx::work& tx, const CommunityId& community, const RunRecord& record);
/// Keeps up to where runs came; what is kept never goes back.
void WriteReach(pqxx::work& tx, const CommunityId& community, const RunReach& reach);

}  // namespace peerwatt::settlement
