#include "services/settlement/storage/run_rows.h"

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "libs/postgres/binary_copy.h"
#include "services/settlement/core/journal_entry.h"
#include "services/settlement/storage/grid_loss_queries.h"
#include "services/settlement/storage/kpi_queries.h"
#include "services/settlement/storage/postgres_run_log.h"
#include "services/settlement/storage/run_queries.h"
#include "services/settlement/storage/statement_queries.h"
#include "services/settlement/storage/tariff_queries.h"

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

/// A `boolean` in binary form is a byte.
void AddFlag(postgres::BinaryCopy& copy, bool flag) {
  copy.Add(flag ? absl::string_view("\1", 1) : absl::string_view("\0", 1));
}

void CopyLine(postgres::BinaryCopy& copy, const RunCommit& run, size_t index,
              std::optional<int64_t> entry) {
  constexpr int16_t kColumns = 16;
  const Line& line = run.lines[index];
  copy.BeginRow(kColumns);
  copy.Add(run.community.value());
  copy.Add(run.period.start);
  copy.Add(run.run_before + 1);
  copy.Add(static_cast<int32_t>(index) + 1);
  copy.Add(line.key.participant.value());
  copy.Add(line.key.connection.value());
  copy.Add(static_cast<int32_t>(line.key.kind));
  copy.Add(line.key.trade.value());
  copy.Add(line.energy.wh());
  copy.Add(line.price.micros_per_kwh());
  copy.Add(line.amount.micros());
  AddFlag(copy, line.substituted);
  if (entry.has_value()) {
    copy.Add(*entry);
  } else {
    copy.AddNull();
  }
  copy.Add(line.rule_id);
  AddFlag(copy, line.key.is_taxable);
  AddFlag(copy, line.key.is_price_missing);
}

/// Keeps what the network lost in the period.
void WriteGridLoss(pqxx::work& tx, const CommunityId& community, const Interval& period,
                   const GridLoss& loss) {
  const auto energy = [](const std::optional<Energy>& value) {
    return value.has_value() ? std::optional<int64_t>(value->wh()) : std::nullopt;
  };
  std::optional<int64_t> price;
  std::optional<int64_t> amount;
  if (loss.price.has_value()) price = loss.price->micros_per_kwh();
  if (loss.amount.has_value()) amount = loss.amount->micros();
  Exec(tx, kUpsertGridLoss, community.value(), ToSql(period.start), loss.boundary_count,
       loss.missing_count, energy(loss.import_energy), energy(loss.export_energy),
       energy(loss.energy), price, amount);
}

}  // namespace

void CopyLines(pqxx::work& tx, absl::Span<const RunCommit> runs, int64_t first_entry) {
  postgres::BinaryCopy copy(tx, kCopyLines);
  for (const RunCommit& run : runs) {
    for (size_t i = 0; i < run.lines.size(); ++i) {
      std::optional<int64_t> entry;
      if (run.entries.entry_of_line[i].has_value()) {
        entry = first_entry + static_cast<int64_t>(*run.entries.entry_of_line[i]);
      }
      CopyLine(copy, run, i, entry);
    }
    first_entry += static_cast<int64_t>(run.entries.entries.size());
  }
  copy.End();
}

int64_t TariffCursor(pqxx::work& tx, const CommunityId& community) {
  const pqxx::result rows = Exec(tx, kSelectTariffCursor, community.value());
  return rows.empty() ? 0 : postgres::Int64From(rows[0]["version_count"]);
}

void WriteOutcomes(pqxx::work& tx, absl::Span<const RunCommit> runs) {
  const CommunityId& community = runs.front().community;
  WriteWelfare(tx, community,
               Those(runs, [](const RunCommit& run) { return run.welfare.has_value(); }));
  for (const RunCommit& run : runs) {
    if (run.grid_loss.has_value()) WriteGridLoss(tx, community, run.period, *run.grid_loss);
  }
  WriteRunPeriods(tx, runs);
  WriteEvidence(tx, community,
                Those(runs, [](const RunCommit& run) { return !run.lines.empty(); }));
}

}  // namespace peerwatt::settlement
