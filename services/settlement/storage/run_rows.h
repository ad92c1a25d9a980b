#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include <pqxx/pqxx>

#include "absl/types/span.h"
#include "libs/postgres/codec.h"
#include "services/settlement/core/stores.h"

namespace peerwatt::settlement {

/// The source whose changes are followed.
inline constexpr char kReadingsSource[] = "readings";

/// Writes the lines of a run to a stream. first_entry: the number of its first entry.
inline void StreamLines(pqxx::stream_to& copy, const RunCommit& run, int64_t first_entry) {
  const std::string start = postgres::ToSql(run.period.start);
  for (size_t i = 0; i < run.lines.size(); ++i) {
    const Line& line = run.lines[i];
    std::optional<int64_t> entry;
    if (run.entries.entry_of_line[i].has_value()) {
      entry = first_entry + static_cast<int64_t>(*run.entries.entry_of_line[i]);
    }
    copy << std::make_tuple(run.community.value(), start, run.run_before + 1,
                            static_cast<int32_t>(i) + 1, line.key.participant.value(),
                            line.key.connection.value(), static_cast<int32_t>(line.key.kind),
                            line.key.trade.value(), line.energy.wh(),
                            line.price.micros_per_kwh(), line.amount.micros(), line.substituted,
                            entry, line.rule_id, line.key.is_taxable, line.key.is_price_missing);
  }
}

/// Writes lines as a stream: from a few on it costs less than a statement with arrays.
template <typename Stream>
void CopyLines(pqxx::work& tx, Stream stream) {
  pqxx::stream_to copy(tx, "settlement_lines",
                       std::vector<std::string>{
                           "community_id", "period_start_at", "run", "line_no", "participant_id",
                           "connection_id", "kind", "trade_id", "energy_wh",
                           "price_micros_per_kwh", "amount_micros", "substituted", "entry_no",
                           "rule_id", "is_taxable", "is_price_missing"});
  stream(copy);
  copy.complete();
}

/// Runs of the period after this one.
inline int32_t RunAfter(const RunCommit& run) {
  return run.run_before > 0 && run.lines.empty() ? run.run_before : run.run_before + 1;
}

/// Keeps what the runs knew and made of their periods besides lines and entries: that they took
/// place, what the trades are worth now, and what explains the lines.
/// runs: of one community, in one batch of one run; not empty.
void WriteOutcomes(pqxx::work& tx, absl::Span<const RunCommit> runs);

/// Reads what was posted under a key.
inline PostedLine PostedLineFrom(const pqxx::row& row) {
  PostedLine line;
  line.key.participant = ParticipantId(postgres::TextFrom(row["participant_id"]));
  line.key.connection = GridConnectionId(postgres::TextFrom(row["connection_id"]));
  line.key.kind = static_cast<LineKind>(postgres::Int32From(row["kind"]));
  line.key.trade = TradeId(postgres::TextFrom(row["trade_id"]));
  line.key.is_taxable = postgres::BoolFrom(row["is_taxable"]);
  line.key.is_price_missing = postgres::BoolFrom(row["is_price_missing"]);
  line.energy = Energy::WattHours(postgres::Int64From(row["energy_wh"]));
  line.amount = Money::Micros(postgres::Int64From(row["amount_micros"]));
  return line;
}

}  // namespace peerwatt::settlement
