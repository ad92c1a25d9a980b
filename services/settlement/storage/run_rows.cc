#include "services/settlement/storage/run_rows.h"

#include "services/settlement/core/journal_entry.h"
#include "services/settlement/storage/kpi_queries.h"
#include "services/settlement/storage/postgres_run_log.h"
#include "services/settlement/storage/run_queries.h"
#include "services/settlement/storage/statement_queries.h"

namespace peerwatt::settlement {
namespace {

using postgres::Exec;
using postgres::ToSql;
using postgres::ToSqlArray;
using postgres::ToSqlColumn;

using Runs = std::vector<const RunCommit*>;

template <typename Condition>
Runs Those(absl::Span<const RunCommit> runs, Condition condition) {
  Runs found;
  for (const RunCommit& run : runs) {
    if (condition(run)) found.push_back(&run);
  }
  return found;
}

absl::Time StartOf(const RunCommit* run) { return run->period.start; }

void WriteRunPeriods(pqxx::work& tx, absl::Span<const RunCommit> runs) {
  const RunCommit& first = runs.front();
  WriteRun(tx, first.community, first.record);
  Exec(tx, kInsertRunPeriods, first.community.value(), first.record.id,
       ToSqlColumn(runs, [](const RunCommit& run) { return run.period.start; }),
       ToSqlColumn(runs,
                   [](const RunCommit& run) {
                     return RunAfter(run) == run.run_before ? 0 : RunAfter(run);
                   }),
       ToSqlColumn(runs,
                   [](const RunCommit& run) { return static_cast<int32_t>(run.lines.size()); }),
       ToSqlColumn(
           runs,
           [](const RunCommit& run) { return static_cast<int32_t>(run.entries.entries.size()); }),
       ToSqlColumn(runs,
                   [](const RunCommit& run) { return MovedBy(run.entries.entries).micros(); }),
       first.readings_cursor,
       ToSqlColumn(runs, [](const RunCommit& run) { return run.absurd_count; }),
       absl::ToInt64Microseconds(first.elapsed));
}

void WriteWelfare(pqxx::work& tx, const CommunityId& community, const Runs& runs) {
  if (runs.empty()) return;
  Exec(tx, kUpsertWelfare, community.value(), ToSqlColumn(runs, StartOf),
       ToSqlColumn(runs, [](const RunCommit* run) { return run->welfare->optimum.micros(); }),
       ToSqlColumn(runs, [](const RunCommit* run) { return run->welfare->delivered.micros(); }));
}

/// Revisions that are not simply the first, as one array per run.
template <typename Get>
std::string EachRevision(const Runs& runs, Get get) {
  return ToSqlColumn(runs, [&](const RunCommit* run) { return ToSqlColumn(run->revisions, get); });
}

void WriteEvidence(pqxx::work& tx, const CommunityId& community, const Runs& runs) {
  if (runs.empty()) return;
  Exec(tx, kInsertRunEvidence, community.value(), ToSqlColumn(runs, StartOf),
       ToSqlColumn(runs, [](const RunCommit* run) { return RunAfter(*run); }),
       runs.front()->readings_cursor,
       EachRevision(runs, [](const UsedRevision& used) { return used.point.value(); }),
       EachRevision(runs, [](const UsedRevision& used) { return used.revision; }),
       EachRevision(runs, [](const UsedRevision& used) { return used.day_before_revision; }),
       ToSqlColumn(runs, [](const RunCommit* run) { return run->tariff; }),
       ToSqlColumn(runs, [](const RunCommit* run) { return run->scheme.value(); }),
       ToSql(runs.front()->now));
}

}  // namespace

void WriteOutcomes(pqxx::work& tx, absl::Span<const RunCommit> runs) {
  const CommunityId& community = runs.front().community;
  WriteWelfare(tx, community,
               Those(runs, [](const RunCommit& run) { return run.welfare.has_value(); }));
  WriteRunPeriods(tx, runs);
  WriteEvidence(tx, community,
                Those(runs, [](const RunCommit& run) { return !run.lines.empty(); }));
}

}  // namespace peerwatt::settlement
