#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/domain/interval.h"
#include "libs/postgres/codec.h"
#include "services/settlement/core/errors.h"
#include "services/settlement/storage/ledger_session.h"
#include "services/settlement/storage/postgres_run_store.h"
#include "services/settlement/storage/queries.h"
#include "services/settlement/storage/run_queries.h"
#include "services/settlement/storage/run_rows.h"

namespace peerwatt::settlement {
namespace {

using postgres::Exec;
using postgres::ToSql;
using postgres::ToSqlArray;
using postgres::ToSqlColumn;

/// Changes the periods. Returns whether no other run of any of them came first.
bool ChangePeriods(pqxx::work& tx, const std::vector<RunCommit>& runs) {
  const auto total = [&](Energy PeriodTotals::*energy) {
    return ToSqlColumn(runs, [&](const RunCommit& run) { return (run.totals.*energy).wh(); });
  };
  const pqxx::result changed = Exec(
      tx, kChangePeriods, runs.front().community.value(),
      ToSqlColumn(runs, [](const RunCommit& run) { return run.period.start; }),
      ToSqlColumn(runs, [](const RunCommit& run) { return run.run_before; }),
      ToSqlColumn(runs, RunAfter),
      total(&PeriodTotals::drawn), total(&PeriodTotals::fed_in),
      total(&PeriodTotals::self_consumed), total(&PeriodTotals::delivered),
      total(&PeriodTotals::retail), total(&PeriodTotals::surplus),
      total(&PeriodTotals::imbalance_bought), total(&PeriodTotals::imbalance_sold),
      ToSqlColumn(runs, [](const RunCommit& run) { return run.substituted_count; }),
      runs.front().readings_cursor,
      ToSqlColumn(runs, [](const RunCommit& run) { return run.price_missing_count; }));
  return changed.affected_rows() == runs.size();
}

}  // namespace

absl::StatusOr<ChangedPoints> PostgresRunStore::LoadChangedPoints(
    const CommunityId& community, const std::vector<absl::Time>& starts) {
  ChangedPoints changed;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    changed = {};
    // The cursor comes first: marks that land in between are too many, never too few.
    const pqxx::result cursors = Exec(tx, kSelectWatchCursor, kReadingsSource);
    if (!cursors.empty()) changed.cursor = postgres::Int64From(cursors[0]["position"]);
    for (const auto& row :
         Exec(tx, kSelectChangedPoints, community.value(), ToSqlArray(starts))) {
      std::vector<MeteringPointId>& points =
          changed.points[postgres::TimeFrom(row["period_start_at"])];
      for (std::string& point : postgres::TextArrayFrom(row["changed_points"])) {
        points.emplace_back(std::move(point));
      }
    }
    return absl::OkStatus();
  }));
  return changed;
}

absl::StatusOr<PostedParts> PostgresRunStore::LoadPostedOf(
    const CommunityId& community,
    const std::map<absl::Time, std::set<ParticipantId>>& participants) {
  std::vector<absl::Time> periods;
  std::vector<absl::Time> starts;
  std::vector<std::string> asked;
  for (const auto& [start, ids] : participants) {
    periods.push_back(start);
    for (const ParticipantId& id : ids) {
      starts.push_back(start);
      asked.push_back(id.value());
    }
  }
  PostedParts posted;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    posted.clear();
    // Counts come first: a run that lands in between makes this one superseded, never wrong.
    for (const auto& row : Exec(tx, kSelectNewestRuns, community.value(), ToSqlArray(periods))) {
      PostedPart& part = posted[postgres::TimeFrom(row["period_start_at"])];
      part.period.run_count = postgres::Int32From(row["run_count"]);
      part.tariff = postgres::TextFrom(row["tariff_name"]);
      part.scheme = SchemeId(postgres::TextFrom(row["scheme_id"]));
      const std::optional<int64_t> optimum = postgres::OptionalInt64From(row["optimum_micros"]);
      if (!optimum.has_value()) continue;
      part.welfare = {Money::Micros(*optimum),
                      Money::Micros(postgres::Int64From(row["delivered_micros"]))};
    }
    for (const auto& row : Exec(tx, kSelectPostedOf, community.value(), ToSqlArray(starts),
                                ToSqlArray(asked))) {
      const auto part = posted.find(postgres::TimeFrom(row["period_start_at"]));
      if (part != posted.end()) part->second.period.lines.push_back(PostedLineFrom(row));
    }
    return absl::OkStatus();
  }));
  return posted;
}

absl::Status PostgresRunStore::CommitChanges(const std::vector<RunCommit>& runs) {
  if (runs.empty()) return absl::OkStatus();
  const RunCommit& first = runs.front();
  std::vector<JournalEntry> entries;
  for (const RunCommit& run : runs) {
    entries.insert(entries.end(), run.entries.entries.begin(), run.entries.entries.end());
  }
  const auto commit = [&](pqxx::work& tx, LedgerSession& ledger) -> absl::Status {
    if (!ChangePeriods(tx, runs)) {
      return Error(kRunSuperseded, "another run of a period was committed first",
                   {{"period", TimeSegment(first.period.start)}});
    }
    int64_t entry = ledger.Post(entries);
    CopyLines(tx, [&](pqxx::stream_to& copy) {
      for (const RunCommit& run : runs) {
        StreamLines(copy, run, entry);
        entry += static_cast<int64_t>(run.entries.entries.size());
      }
    });
    WriteOutcomes(tx, runs);
    Exec(tx, kDeleteAllSeenChanges, first.community.value(),
         ToSqlColumn(runs, [](const RunCommit& run) { return run.period.start; }),
         first.readings_cursor);
    return absl::OkStatus();
  };
  return WriteLedger(pool_, cache_, first.community, first.now, commit);
}

}  // namespace peerwatt::settlement
