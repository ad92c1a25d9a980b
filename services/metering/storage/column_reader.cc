#include "services/metering/storage/column_reader.h"

#include <algorithm>

#include "libs/base/status_macros.h"
#include "libs/postgres/codec.h"
#include "services/metering/core/day_codec.h"
#include "services/metering/storage/queries.h"

namespace peerwatt::metering {
namespace {

using postgres::BytesFrom;
using postgres::ToSqlArray;

/// The part of one day that a column needs.
struct Piece {
  size_t column = 0;
  size_t offset = 0;  ///< Place of the first interval in the column.
  DayKey key;
  size_t slot = 0;
  size_t count = 0;
};

/// What a span needs of each day it touches, for a point without a number.
std::vector<Piece> PiecesOf(Interval span, absl::Duration resolution) {
  const int64_t resolution_s = absl::ToInt64Seconds(resolution);
  std::vector<Piece> pieces;
  int64_t at_s = absl::ToUnixSeconds(span.start);
  const int64_t end_s = absl::ToUnixSeconds(span.end);
  size_t offset = 0;
  while (at_s < end_s) {
    const int64_t day = at_s / kDaySeconds;
    const int64_t until_s = std::min(end_s, (day + 1) * kDaySeconds);
    Piece piece;
    piece.offset = offset;
    piece.key = {static_cast<int32_t>(day), kNobody, static_cast<int32_t>(resolution_s)};
    piece.slot = static_cast<size_t>((at_s - day * kDaySeconds) / resolution_s);
    piece.count = static_cast<size_t>((until_s - at_s) / resolution_s);
    pieces.push_back(piece);
    offset += piece.count;
    at_s = until_s;
  }
  return pieces;
}

void CopyDay(const Day& day, const Piece& piece, ReadingColumn& column) {
  for (size_t i = 0; i < piece.count; ++i) {
    const DayValue value = day.At(piece.slot + i);
    if (value.revision > 0) {
      column.import_wh[piece.offset + i] = value.import_wh;
      column.export_wh[piece.offset + i] = value.export_wh;
      column.qualities[piece.offset + i] = value.provenance.quality;
      column.revisions[piece.offset + i] = value.revision;
    }
  }
}

absl::Status LoadPieces(pqxx::work& tx, const std::vector<Piece>& pieces,
                        std::vector<ReadingColumn>& columns) {
  std::vector<int32_t> shards;
  std::vector<int32_t> days;
  std::vector<int64_t> points;
  std::vector<int32_t> resolutions;
  std::vector<int32_t> slots;
  std::vector<int32_t> counts;
  for (const Piece& piece : pieces) {
    shards.push_back(ShardOf(piece.key.point_no));
    days.push_back(piece.key.day);
    points.push_back(piece.key.point_no);
    resolutions.push_back(piece.key.resolution_s);
    slots.push_back(static_cast<int32_t>(piece.slot));
    counts.push_back(static_cast<int32_t>(piece.count));
  }
  for (const pqxx::row& row :
       postgres::Exec(tx, kSelectSlices, ToSqlArray(shards), ToSqlArray(days),
                      ToSqlArray(points), ToSqlArray(resolutions), ToSqlArray(slots),
                      ToSqlArray(counts))) {
    const Piece& piece = pieces[static_cast<size_t>(postgres::Int64From(row[0]))];
    PW_RETURN_IF_ERROR(DayCodec::UnpackSlice(
        piece.key.SlotCount(), piece.slot, piece.count, BytesFrom(row[1]), BytesFrom(row[2]),
        BytesFrom(row[3]), piece.offset, columns[piece.column]));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<ReadingColumn>> ReadColumns(postgres::Pool& pool,
                                                       const ShardCache& cache,
                                                       const std::vector<int64_t>& points,
                                                       Interval span, absl::Duration resolution) {
  const size_t intervals = static_cast<size_t>(span.length() / resolution);
  const ReadingColumn empty{std::vector<int64_t>(intervals, 0), std::vector<int64_t>(intervals, 0),
                            std::vector<Quality>(intervals, Quality::kMissing),
                            std::vector<int32_t>(intervals, 0)};
  std::vector<ReadingColumn> columns(points.size(), empty);
  const std::vector<Piece> span_pieces = PiecesOf(span, resolution);
  // First what is in memory: what goes from there meanwhile is in storage when that is read.
  std::vector<Piece> missing;
  for (size_t i = 0; i < points.size(); ++i) {
    if (points[i] == kNobody) {
      continue;
    }
    const Shard& shard = cache.shard(ShardOf(points[i]));
    for (Piece piece : span_pieces) {
      piece.column = i;
      piece.key.point_no = points[i];
      if (const DayPtr day = shard.Find(piece.key); day != nullptr) {
        CopyDay(*day, piece, columns[i]);
      } else {
        missing.push_back(piece);
      }
    }
  }
  if (!missing.empty()) {
    PW_RETURN_IF_ERROR(
        pool.Run([&](pqxx::work& tx) { return LoadPieces(tx, missing, columns); }));
  }
  return columns;
}

}  // namespace peerwatt::metering
