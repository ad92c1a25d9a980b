#pragma once

#include <cstdint>

#include <pqxx/pqxx>

#include "absl/types/span.h"
#include "libs/postgres/codec.h"
#include "services/settlement/core/stores.h"

namespace peerwatt::settlement {

/// The source whose changes are followed.
inline constexpr char kReadingsSource[] = "readings";

/// Writes the lines of runs of one community in binary form: from a few on it costs less than a
/// statement with arrays. first_entry: the number of the first entry of the first run.
void CopyLines(pqxx::work& tx, absl::Span<const RunCommit> runs, int64_t first_entry);

/// Runs of the period after this one.
inline int32_t RunAfter(const RunCommit& run) {
  return Counts(run) ? run.run_before + 1 : run.run_before;
}

/// Keeps what the runs knew and made of their periods besides lines and entries: that they took
/// place, what the trades are worth now, what the network lost, and what explains the lines.
/// runs: of one community, in one batch of one run; not empty.
void WriteOutcomes(pqxx::work& tx, absl::Span<const RunCommit> runs);

/// Up to how many versions of a community's tariff settled periods were marked.
int64_t TariffCursor(pqxx::work& tx, const CommunityId& community);

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
