#include "services/metering/storage/column_reader.h"

#include <algorithm>
#include <array>
#include <future>

#include "absl/types/span.h"
#include "libs/base/status_macros.h"
#include "libs/postgres/codec.h"
#include "services/metering/core/byte_codec.h"
#include "services/metering/core/day_codec.h"
#include "services/metering/storage/queries.h"

namespace peerwatt::metering {
namespace {

using postgres::ToSqlArray;

/// Points so few numbers of their shard apart are read in one range, with those between them.
constexpr int64_t kGapMax = 4 * kShardCount;
/// Days for which another connection is worth its while, and connections at most.
constexpr size_t kDaysPerPart = 2048;
constexpr size_t kPartsMax = 4;

/// The part of the span that lies on one day.
struct SpanDay {
  int32_t day = 0;
  DayCodec::Slice slice;
};

/// A column that lacks a day, and the point it belongs to.
struct Target {
  int64_t point_no = 0;
  size_t column = 0;

  int64_t shard_no() const { return ShardOf(point_no); }
};

/// Neighbouring points of a shard whose day is to be read.
struct Range {
  const SpanDay* day = nullptr;
  std::vector<Target> targets;  ///< By point.
};

std::vector<SpanDay> DaysOf(Interval span, int32_t resolution_s) {
  std::vector<SpanDay> days;
  int64_t at_s = absl::ToUnixSeconds(span.start);
  const int64_t end_s = absl::ToUnixSeconds(span.end);
  size_t offset = 0;
  while (at_s < end_s) {
    const int64_t day = at_s / kDaySeconds;
    const int64_t until_s = std::min(end_s, (day + 1) * kDaySeconds);
    SpanDay& added = days.emplace_back();
    added.day = static_cast<int32_t>(day);
    added.slice.slot_count = static_cast<size_t>(kDaySeconds / resolution_s);
    added.slice.first = static_cast<size_t>((at_s - day * kDaySeconds) / resolution_s);
    added.slice.count = static_cast<size_t>((until_s - at_s) / resolution_s);
    added.slice.offset = offset;
    offset += added.slice.count;
    at_s = until_s;
  }
  return days;
}

/// All that have a number, by shard and point.
std::vector<Target> TargetsOf(const std::vector<int64_t>& points) {
  std::array<std::vector<Target>, kShardCount> shards;
  for (size_t i = 0; i < points.size(); ++i) {
    if (points[i] != kNobody) {
      shards[static_cast<size_t>(ShardOf(points[i]))].push_back({points[i], i});
    }
  }
  const auto by_point = [](const Target& a, const Target& b) { return a.point_no < b.point_no; };
  std::vector<Target> targets;
  targets.reserve(points.size());
  for (std::vector<Target>& shard : shards) {
    if (!std::is_sorted(shard.begin(), shard.end(), by_point)) {
      std::sort(shard.begin(), shard.end(), by_point);
    }
    targets.insert(targets.end(), shard.begin(), shard.end());
  }
  return targets;
}

void CopyDay(const Day& day, const DayCodec::Slice& slice, ReadingColumn& column) {
  for (size_t i = 0; i < slice.count; ++i) {
    const DayValue value = day.At(slice.first + i);
    if (value.revision > 0) {
      column.import_wh[slice.offset + i] = value.import_wh;
      column.export_wh[slice.offset + i] = value.export_wh;
      column.qualities[slice.offset + i] = value.provenance.quality;
      column.revisions[slice.offset + i] = value.revision;
    }
  }
}

void CopySlice(const ReadingColumn& from, const DayCodec::Slice& slice, ReadingColumn& to) {
  const auto copy = [&](const auto& source, auto& column) {
    std::copy_n(source.begin() + static_cast<ptrdiff_t>(slice.offset), slice.count,
                column.begin() + static_cast<ptrdiff_t>(slice.offset));
  };
  copy(from.import_wh, to.import_wh);
  copy(from.export_wh, to.export_wh);
  copy(from.qualities, to.qualities);
  copy(from.revisions, to.revisions);
}

/// Fills in what is in memory and returns what is not.
std::vector<Range> CopyFromMemory(const ShardCache& cache, const std::vector<Target>& targets,
                                  const std::vector<SpanDay>& days, int32_t resolution_s,
                                  std::vector<ReadingColumn>& columns) {
  std::vector<Range> ranges;
  for (const SpanDay& span_day : days) {
    const Target* last = nullptr;
    for (const Target& target : targets) {
      const DayPtr day = cache.shard(target.shard_no())
                             .Find({span_day.day, target.point_no, resolution_s});
      if (day != nullptr) {
        CopyDay(*day, span_day.slice, columns[target.column]);
        continue;
      }
      if (last == nullptr || last->shard_no() != target.shard_no() ||
          target.point_no - last->point_no > kGapMax) {
        ranges.push_back({&span_day, {}});
      }
      ranges.back().targets.push_back(target);
      last = &target;
    }
  }
  return ranges;
}

/// Reads the days of a range, one after the other as kSelectSlices returns them.
absl::Status UnpackRange(const Range& range, absl::string_view bytes, ReadingColumn& scratch,
                         std::vector<ReadingColumn>& columns) {
  ByteReader in(bytes);
  auto next = range.targets.begin();
  while (!in.AtEnd()) {
    const int64_t head = in.BigEndian(8);
    const int64_t point_no = head >> 6;
    const auto import_width = static_cast<size_t>(head >> 3 & 7);
    const auto export_width = static_cast<size_t>(head & 7);
    if (point_no < range.targets.front().point_no || point_no > range.targets.back().point_no) {
      return absl::DataLossError("days of other metering points than asked");
    }
    if (next == range.targets.end() || next->point_no != point_no) {
      next = std::lower_bound(
          range.targets.begin(), range.targets.end(), point_no,
          [](const Target& target, int64_t number) { return target.point_no < number; });
    }
    const bool is_asked = next != range.targets.end() && next->point_no == point_no;
    ReadingColumn& column = is_asked ? columns[next->column] : scratch;
    PW_RETURN_IF_ERROR(
        DayCodec::UnpackSlice(range.day->slice, import_width, export_width, in, column));
    if (is_asked) {
      ++next;
    }
    for (; next != range.targets.end() && next->point_no == point_no; ++next) {
      CopySlice(column, range.day->slice, columns[next->column]);
    }
  }
  return absl::OkStatus();
}

absl::Status LoadRanges(pqxx::work& tx, absl::Span<const Range> ranges, int32_t resolution_s,
                        ReadingColumn scratch, std::vector<ReadingColumn>& columns) {
  std::vector<int32_t> shards;
  std::vector<int32_t> days;
  std::vector<int64_t> first_points;
  std::vector<int64_t> last_points;
  std::vector<int32_t> slots;
  std::vector<int32_t> counts;
  for (const Range& range : ranges) {
    shards.push_back(static_cast<int32_t>(range.targets.front().shard_no()));
    days.push_back(range.day->day);
    first_points.push_back(range.targets.front().point_no);
    last_points.push_back(range.targets.back().point_no);
    slots.push_back(static_cast<int32_t>(range.day->slice.first));
    counts.push_back(static_cast<int32_t>(range.day->slice.count));
  }
  for (const pqxx::row& row :
       postgres::Exec(tx, kSelectSlices, ToSqlArray(shards), ToSqlArray(days),
                      ToSqlArray(first_points), ToSqlArray(last_points), resolution_s,
                      ToSqlArray(slots), ToSqlArray(counts))) {
    const Range& range = ranges[static_cast<size_t>(postgres::Int64From(row[0]))];
    PW_RETURN_IF_ERROR(UnpackRange(range, postgres::BytesFrom(row[1]), scratch, columns));
  }
  return absl::OkStatus();
}

/// Cuts ranges into parts of about equally many days.
std::vector<absl::Span<const Range>> PartsOf(const std::vector<Range>& ranges) {
  size_t days = 0;
  for (const Range& range : ranges) {
    days += range.targets.size();
  }
  const size_t per_part = std::max(kDaysPerPart, (days + kPartsMax - 1) / kPartsMax);
  std::vector<absl::Span<const Range>> parts;
  size_t first = 0;
  size_t in_part = 0;
  for (size_t i = 0; i < ranges.size(); ++i) {
    in_part += ranges[i].targets.size();
    if (in_part >= per_part || i + 1 == ranges.size()) {
      parts.push_back(absl::MakeSpan(ranges).subspan(first, i + 1 - first));
      first = i + 1;
      in_part = 0;
    }
  }
  return parts;
}

}  // namespace

absl::StatusOr<std::vector<ReadingColumn>> ReadColumns(postgres::Pool& pool,
                                                       const ShardCache& cache,
                                                       const std::vector<int64_t>& points,
                                                       Interval span, absl::Duration resolution) {
  const auto intervals = static_cast<size_t>(span.length() / resolution);
  const auto resolution_s = static_cast<int32_t>(absl::ToInt64Seconds(resolution));
  const ReadingColumn empty = ReadingColumn::Missing(intervals);
  std::vector<ReadingColumn> columns(points.size(), empty);
  const std::vector<SpanDay> days = DaysOf(span, resolution_s);
  // First what is in memory: what goes from there meanwhile is in storage when that is read.
  const std::vector<Range> ranges =
      CopyFromMemory(cache, TargetsOf(points), days, resolution_s, columns);
  const auto load = [&](absl::Span<const Range> part) {
    return pool.Run([&](pqxx::work& tx) {
      return LoadRanges(tx, part, resolution_s, empty, columns);
    });
  };
  std::vector<absl::Span<const Range>> parts = PartsOf(ranges);
  std::vector<std::future<absl::Status>> beside;
  for (size_t i = 1; i < parts.size(); ++i) {
    beside.push_back(std::async(std::launch::async, load, parts[i]));
  }
  absl::Status status = parts.empty() ? absl::OkStatus() : load(parts[0]);
  for (std::future<absl::Status>& part : beside) {
    status.Update(part.get());
  }
  PW_RETURN_IF_ERROR(status);
  return columns;
}

}  // namespace peerwatt::metering
