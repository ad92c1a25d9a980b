#include "services/metering/storage/group_writer.h"

#include <algorithm>
#include <string>
#include <tuple>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "libs/base/status_macros.h"
#include "libs/postgres/codec.h"
#include "services/metering/storage/queries.h"
#include "services/metering/storage/shard_sync.h"

namespace peerwatt::metering {
namespace {

using postgres::ToSqlArray;
using postgres::ToSqlBytes;

/// Spans of one row of changes, so that a reader need not take too many at once.
constexpr size_t kSpansPerRow = 1024;

/// The checks of core once more: a number beyond these bounds would be stored as something else.
bool IsStorable(const std::vector<int64_t>& energies_wh) {
  return std::all_of(energies_wh.begin(), energies_wh.end(),
                     [](int64_t wh) { return wh >= 0 && wh <= kIntervalEnergyWhMax; });
}

}  // namespace

absl::StatusOr<std::vector<SentSlice>> SlicesOf(absl::Span<const AcceptedBatch> batches,
                                                const PointNumberMap& numbers) {
  std::vector<SentSlice> slices;
  for (size_t batch_no = 0; batch_no < batches.size(); ++batch_no) {
    const std::vector<Series>& all = batches[batch_no].batch->series;
    for (size_t s = 0; s < all.size(); ++s) {
      if (!IsStorable(all[s].import_wh) || !IsStorable(all[s].export_wh)) {
        return absl::InternalError("an energy cannot be stored");
      }
      const int64_t point_no = numbers.at(all[s].metering_point);
      ForEachSlice(all[s], point_no, [&](const Slice& slice) {
        slices.push_back({ShardOf(point_no), slice, batch_no, &batches[batch_no].communities[s]});
      });
    }
  }
  std::stable_sort(slices.begin(), slices.end(), [](const SentSlice& a, const SentSlice& b) {
    return std::tie(a.shard_no, a.slice.key) < std::tie(b.shard_no, b.slice.key);
  });
  return slices;
}

std::vector<DevicePosition> PositionsOf(absl::Span<const AcceptedBatch> batches) {
  absl::flat_hash_map<absl::string_view, size_t> places;
  std::vector<DevicePosition> positions;
  for (const AcceptedBatch& accepted : batches) {
    const Batch& batch = *accepted.batch;
    if (batch.device.empty()) {
      continue;
    }
    const auto [place, is_new] = places.try_emplace(batch.device.value(), positions.size());
    if (is_new) {
      positions.push_back({batch.device, batch.sequence});
    } else {
      int64_t& sequence = positions[place->second].sequence;
      sequence = std::max(sequence, batch.sequence);
    }
  }
  return positions;
}

absl::Status GroupWriter::LockShards(pqxx::work& tx, const std::vector<int32_t>& shard_numbers) {
  for (const pqxx::row& row : postgres::Exec(tx, kLockShards, ToSqlArray(shard_numbers))) {
    const auto shard_no = static_cast<int16_t>(postgres::Int32From(row[0]));
    const int64_t last_block_no = postgres::Int64From(row[1]);
    Shard& shard = cache_.shard(shard_no);
    if (shard.version() != last_block_no) {
      PW_RETURN_IF_ERROR(CatchUp(tx, shard_no, shard));
    }
    work_[static_cast<size_t>(shard_no)].block_no = last_block_no + 1;
  }
  return absl::OkStatus();
}

absl::Status GroupWriter::Decide(pqxx::work& tx) {
  std::vector<size_t> begins;
  std::vector<DayPtr> known;
  std::vector<DayKey> missing;
  for (size_t i = 0; i < slices_.size(); ++i) {
    if (i == 0 || slices_[i].slice.key != slices_[i - 1].slice.key) {
      begins.push_back(i);
      known.push_back(cache_.shard(slices_[i].shard_no).Find(slices_[i].slice.key));
      if (known.back() == nullptr) {
        missing.push_back(slices_[i].slice.key);
      }
    }
  }
  PW_ASSIGN_OR_RETURN(const std::vector<DayPtr> stored, LoadDays(tx, missing));
  size_t next_stored = 0;
  begins.push_back(slices_.size());
  for (size_t d = 0; d < known.size(); ++d) {
    const DayPtr& before = known[d] != nullptr ? known[d] : stored[next_stored++];
    DecideDay(begins[d], begins[d + 1], before.get());
  }
  return absl::OkStatus();
}

void GroupWriter::DecideDay(size_t begin, size_t end, const Day* before) {
  const DayKey& key = slices_[begin].slice.key;
  ShardWork& work = work_[static_cast<size_t>(slices_[begin].shard_no)];
  const auto day =
      before != nullptr ? std::make_shared<Day>(*before) : std::make_shared<Day>(key.SlotCount());
  const size_t first_span = work.spans.size();
  bool changed = false;
  RunWriter runs(key, work.block);
  for (size_t i = begin; i < end; ++i) {
    const SentSlice& sent = slices_[i];
    const SliceResult result = WriteSlice(sent.slice, absl::ToUnixMicros(now_), *day, runs);
    StoredCounts& counts = counts_[sent.batch_no];
    counts.stored += result.stored;
    counts.unchanged += static_cast<int32_t>(sent.slice.count) - result.stored;
    if (result.stored > 0) {
      changed = true;
      Note(sent, result, first_span);
    }
  }
  if (changed) {
    day->last_block_no = work.block_no;
    work.days.emplace_back(key, day);
  }
}

void GroupWriter::Note(const SentSlice& sent, const SliceResult& result, size_t first_span) {
  const Series& series = *sent.slice.series;
  std::vector<WrittenSpan>& spans = work_[static_cast<size_t>(sent.shard_no)].spans;
  const WrittenSpan span{.community = *sent.community,
                         .point_no = sent.slice.key.point_no,
                         .start_s = absl::ToUnixSeconds(series.StartOf(result.first_stored)),
                         .end_s = absl::ToUnixSeconds(series.StartOf(result.last_stored + 1))};
  // Readings of a day that came one by one are one change.
  if (spans.size() > first_span && spans.back().end_s == span.start_s &&
      spans.back().community == span.community) {
    spans.back().end_s = span.end_s;
  } else {
    spans.push_back(span);
  }
}

void GroupWriter::Advance() {
  for (const DevicePosition& position : positions_) {
    const int16_t shard_no = ShardOf(position.device);
    if (cache_.shard(shard_no).PositionOf(position.device).second < position.sequence) {
      work_[static_cast<size_t>(shard_no)].positions.push_back(position);
    }
  }
}

struct GroupWriter::Columns {
  std::vector<int32_t> block_shards;
  std::vector<int64_t> block_numbers;
  std::vector<int32_t> payload_lengths;
  std::vector<int32_t> position_lengths;
  std::string bytes;
  std::vector<int32_t> change_numbers;
  std::vector<int32_t> span_counts;
  std::vector<int32_t> span_shards;
  std::vector<int32_t> span_lengths;
  std::string spans;

  void Add(int32_t shard_no, const ShardWork& work) {
    const std::string positions =
        work.positions.empty() ? std::string() : PackPositions(work.positions);
    block_shards.push_back(shard_no);
    block_numbers.push_back(work.block_no);
    payload_lengths.push_back(static_cast<int32_t>(work.block.bytes().size()));
    position_lengths.push_back(static_cast<int32_t>(positions.size()));
    bytes += work.block.bytes();
    bytes += positions;
    for (size_t first = 0; first < work.spans.size(); first += kSpansPerRow) {
      const auto row = absl::MakeConstSpan(work.spans).subspan(first, kSpansPerRow);
      const std::string packed = PackSpans(row);
      const auto count = static_cast<int32_t>(row.size());
      change_numbers.push_back((change_numbers.empty() ? 0 : change_numbers.back()) + count);
      span_counts.push_back(count);
      span_shards.push_back(shard_no);
      span_lengths.push_back(static_cast<int32_t>(packed.size()));
      spans += packed;
    }
  }
};

void GroupWriter::StoreBlocks(pqxx::work& tx) {
  Columns columns;
  for (int32_t shard_no = 0; shard_no < kShardCount; ++shard_no) {
    if (const ShardWork& work = work_[static_cast<size_t>(shard_no)]; !work.empty()) {
      columns.Add(shard_no, work);
    }
  }
  if (columns.block_shards.empty()) {
    return;
  }
  postgres::Exec(tx, kStoreBlocks, ToSqlArray(columns.block_shards),
                 ToSqlArray(columns.block_numbers), ToSqlArray(columns.payload_lengths),
                 ToSqlArray(columns.position_lengths), ToSqlBytes(columns.bytes),
                 postgres::ToSql(now_), ToSqlArray(columns.change_numbers),
                 ToSqlArray(columns.span_counts), ToSqlArray(columns.span_shards),
                 ToSqlArray(columns.span_lengths), ToSqlBytes(columns.spans));
}

absl::Status GroupWriter::Write(pqxx::work& tx, const std::vector<int32_t>& shard_numbers) {
  PW_RETURN_IF_ERROR(LockShards(tx, shard_numbers));
  PW_RETURN_IF_ERROR(Decide(tx));
  Advance();
  StoreBlocks(tx);
  return absl::OkStatus();
}

void GroupWriter::Publish() {
  for (int64_t shard_no = 0; shard_no < kShardCount; ++shard_no) {
    ShardWork& work = work_[static_cast<size_t>(shard_no)];
    if (!work.empty()) {
      cache_.shard(shard_no).Advance(std::move(work.days), work.positions, work.block_no);
    }
  }
}

}  // namespace peerwatt::metering
