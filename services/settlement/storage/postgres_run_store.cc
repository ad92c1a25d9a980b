#include "services/settlement/storage/postgres_run_store.h"

#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/domain/interval.h"
#include "libs/postgres/codec.h"
#include "services/settlement/core/errors.h"
#include "services/settlement/storage/ledger_session.h"
#include "services/settlement/storage/postgres_run_log.h"
#include "services/settlement/storage/queries.h"
#include "services/settlement/storage/run_queries.h"
#include "services/settlement/storage/run_rows.h"

namespace peerwatt::settlement {
namespace {

using postgres::Exec;
using postgres::Int32From;
using postgres::Int64From;
using postgres::TextFrom;
using postgres::ToSql;
using postgres::ToSqlArray;

constexpr size_t kCopyLinesMin = 24;

std::vector<absl::Time> TimesFrom(const pqxx::field& field) {
  std::vector<absl::Time> times;
  for (const int64_t micros : postgres::Int64ArrayFrom(field)) {
    times.push_back(absl::FromUnixMicros(micros));
  }
  return times;
}

/// Keeps what the period is after this run. Returns whether no other run came first.
bool WritePeriod(pqxx::work& tx, const RunCommit& run) {
  const PeriodTotals& totals = run.totals;
  const std::string start = ToSql(run.period.start);
  if (run.run_before == 0) {
    const pqxx::result inserted =
        Exec(tx, kInsertPeriod, run.community.value(), start, ToSql(run.period.end),
             totals.drawn.wh(), totals.fed_in.wh(), totals.self_consumed.wh(),
             totals.delivered.wh(), totals.retail.wh(), totals.surplus.wh(),
             run.substituted_count, run.readings_cursor, run.scheme.value(), run.is_firm,
             totals.imbalance_bought.wh(), totals.imbalance_sold.wh(), run.price_missing_count);
    return inserted.affected_rows() == 1;
  }
  const int32_t run_after = run.lines.empty() ? run.run_before : run.run_before + 1;
  const pqxx::result updated =
      Exec(tx, kUpdatePeriod, run.community.value(), start, run.run_before, run_after,
           totals.drawn.wh(), totals.fed_in.wh(), totals.self_consumed.wh(),
           totals.delivered.wh(), totals.retail.wh(), totals.surplus.wh(), run.substituted_count,
           run.readings_cursor, run.scheme.value(), run.is_firm, totals.imbalance_bought.wh(),
           totals.imbalance_sold.wh(), run.price_missing_count);
  return updated.affected_rows() == 1;
}

void WriteLines(pqxx::work& tx, const RunCommit& run, int64_t first_entry) {
  if (run.lines.empty()) return;
  if (run.lines.size() >= kCopyLinesMin) {
    return CopyLines(tx, [&](pqxx::stream_to& copy) { StreamLines(copy, run, first_entry); });
  }
  std::vector<int32_t> numbers;
  std::vector<std::string> participants;
  std::vector<std::string> connections;
  std::vector<int32_t> kinds;
  std::vector<std::string> trades;
  std::vector<int64_t> energies;
  std::vector<int64_t> prices;
  std::vector<int64_t> amounts;
  std::vector<int32_t> substituted;
  std::vector<int64_t> entries;
  std::vector<std::string> rules;
  std::vector<int32_t> taxable;
  std::vector<int32_t> price_missing;
  for (size_t i = 0; i < run.lines.size(); ++i) {
    const Line& line = run.lines[i];
    const std::optional<size_t> entry = run.entries.entry_of_line[i];
    numbers.push_back(static_cast<int32_t>(i) + 1);
    participants.push_back(line.key.participant.value());
    connections.push_back(line.key.connection.value());
    kinds.push_back(static_cast<int32_t>(line.key.kind));
    trades.push_back(line.key.trade.value());
    energies.push_back(line.energy.wh());
    prices.push_back(line.price.micros_per_kwh());
    amounts.push_back(line.amount.micros());
    substituted.push_back(line.substituted ? 1 : 0);
    entries.push_back(entry.has_value() ? first_entry + static_cast<int64_t>(*entry) : 0);
    rules.push_back(line.rule_id);
    taxable.push_back(line.key.is_taxable ? 1 : 0);
    price_missing.push_back(line.key.is_price_missing ? 1 : 0);
  }
  Exec(tx, kInsertLines, run.community.value(), ToSql(run.period.start), run.run_before + 1,
       ToSqlArray(numbers), ToSqlArray(participants), ToSqlArray(connections), ToSqlArray(kinds),
       ToSqlArray(trades), ToSqlArray(energies), ToSqlArray(prices), ToSqlArray(amounts),
       ToSqlArray(substituted), ToSqlArray(entries), ToSqlArray(rules), ToSqlArray(taxable),
       ToSqlArray(price_missing));
}

/// Ends the holds of the period and frees what they held.
void EndHolds(pqxx::work& tx, LedgerSession& ledger, const RunCommit& run) {
  const std::string start = ToSql(run.period.start);
  std::vector<AccountId> accounts;
  const pqxx::result open = Exec(tx, kSelectOpenHoldsOfPeriod, run.community.value(), start);
  if (open.empty()) return;
  for (const auto& row : open) accounts.emplace_back(TextFrom(row["account_id"]));
  ledger.Load(accounts);
  for (const auto& row : open) {
    ledger.accounts().at(AccountId(TextFrom(row["account_id"]))).counters.debits_pending -=
        Money::Micros(Int64From(row["amount_micros"]));
  }
  Exec(tx, kEndHoldsOfPeriod, run.community.value(), start);
  ledger.WritePending(accounts);
}

}  // namespace

absl::Status PostgresRunStore::EnsureLedger(const CommunityRules& rules) {
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    Exec(tx, kInsertLedger, rules.id.value(), rules.currency,
         absl::ToInt64Seconds(rules.interval), ToSql(rules.trading_start));
    return absl::OkStatus();
  }));
  return WriteLedger(pool_, cache_, rules.id, absl::InfinitePast(),
                     [&](pqxx::work&, LedgerSession& ledger) {
                       ledger.Ensure(SystemAccounts());
                       return absl::OkStatus();
                     });
}

absl::StatusOr<Progress> PostgresRunStore::LoadProgress(const CommunityId& community) {
  Progress progress;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    const pqxx::result rows = Exec(tx, kSelectProgress, community.value());
    if (rows.empty()) return LedgerNotFound(community);
    progress.settled_through = postgres::TimeFrom(rows[0]["settled_through_at"]);
    progress.settled_beyond = TimesFrom(rows[0]["settled_beyond"]);
    progress.dirty = TimesFrom(rows[0]["dirty"]);
    progress.reach = ReadReach(tx, community);
    return absl::OkStatus();
  }));
  return progress;
}

absl::StatusOr<PostedPeriod> PostgresRunStore::LoadPosted(const CommunityId& community,
                                                          absl::Time period_start) {
  PostedPeriod posted;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    posted = PostedPeriod();
    const std::string start = ToSql(period_start);
    // The count comes first: a run that lands in between makes this one superseded, never wrong.
    const pqxx::result count = Exec(tx, kSelectRunCount, community.value(), start);
    if (count.empty()) return absl::OkStatus();
    posted.run_count = Int32From(count[0]["run_count"]);
    for (const auto& row : Exec(tx, kSelectPosted, community.value(), start)) {
      posted.lines.push_back(PostedLineFrom(row));
    }
    return absl::OkStatus();
  }));
  return posted;
}

absl::Status PostgresRunStore::CommitRun(const RunCommit& run) {
  const auto commit = [&](pqxx::work& tx, LedgerSession& ledger) -> absl::Status {
    if (!WritePeriod(tx, run)) {
      return Error(kRunSuperseded, "another run of the period was committed first",
                   {{"period", TimeSegment(run.period.start)}});
    }
    if (run.run_before == 0) {
      EndHolds(tx, ledger, run);
      Exec(tx, kAdvanceSettledThrough, run.community.value(), ToSql(run.period.start));
    }
    const int64_t first_entry = ledger.Post(run.entries.entries);
    WriteLines(tx, run, first_entry);
    WriteOutcomes(tx, {&run, 1});
    Exec(tx, kDeleteSeenChanges, run.community.value(), ToSql(run.period.start),
         run.readings_cursor);
    return absl::OkStatus();
  };
  return WriteLedger(pool_, cache_, run.community, run.now, commit);
}

absl::StatusOr<RunCalendar> PostgresRunStore::LoadCalendar(const CommunityId& community) {
  RunCalendar calendar;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    calendar = ReadCalendar(tx, community);
    return absl::OkStatus();
  }));
  return calendar;
}

absl::Status PostgresRunStore::FinishRun(const CommunityId& community, const RunRecord& record,
                                         const RunReach& reach) {
  return pool_.Run([&](pqxx::work& tx) {
    WriteRun(tx, community, record);
    WriteReach(tx, community, reach);
    return absl::OkStatus();
  });
}

absl::Status PostgresRunStore::ListLate(const CommunityId& community,
                                        const std::vector<absl::Time>& starts, absl::Time now) {
  return pool_.Run([&](pqxx::work& tx) {
    Exec(tx, kListLate, community.value(), ToSqlArray(starts), ToSql(now));
    return absl::OkStatus();
  });
}

absl::StatusOr<int64_t> PostgresRunStore::LoadWatchCursor() {
  int64_t cursor = 0;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    const pqxx::result rows = Exec(tx, kSelectWatchCursor, kReadingsSource);
    cursor = rows.empty() ? 0 : Int64From(rows[0]["position"]);
    return absl::OkStatus();
  }));
  return cursor;
}

absl::Status PostgresRunStore::MarkChanged(const std::vector<ReadingChange>& changes,
                                           int64_t cursor) {
  std::vector<std::string> communities;
  std::vector<absl::Time> starts;
  std::vector<absl::Time> ends;
  std::vector<int64_t> cursors;
  std::vector<std::string> points;
  for (const ReadingChange& change : changes) {
    points.push_back(change.point.value());
    communities.push_back(change.community.value());
    starts.push_back(change.span.start);
    ends.push_back(change.span.end);
    cursors.push_back(change.cursor);
  }
  return pool_.Run([&](pqxx::work& tx) {
    if (!changes.empty()) {
      Exec(tx, kMarkChanged, ToSqlArray(communities), ToSqlArray(starts), ToSqlArray(ends),
           ToSqlArray(cursors), ToSqlArray(points));
    }
    Exec(tx, kUpsertWatchCursor, kReadingsSource, cursor);
    return absl::OkStatus();
  });
}

}  // namespace peerwatt::settlement
