#include "services/metering/core/block.h"

#include <utility>

#include "absl/container/flat_hash_map.h"

namespace peerwatt::metering {
namespace {

/// First byte of blocks, positions and spans: the layout.
constexpr uint8_t kLayout = 1;
constexpr uint8_t kHasExport = 1;

bool ReadEntry(ByteReader& in, DayKey& before, BlockEntry& entry) {
  const int64_t day = before.day + in.Signed();
  before.point_no += in.Signed();
  const uint64_t resolution_s = in.Unsigned();
  const uint64_t slot = in.Unsigned();
  const uint64_t count = in.Unsigned();
  const uint8_t tag = in.Byte();
  const uint8_t flags = in.Byte();
  if (!in.ok() || day < INT32_MIN || day > INT32_MAX || resolution_s == 0 ||
      resolution_s > kDaySeconds || kDaySeconds % resolution_s != 0) {
    return false;
  }
  before.day = static_cast<int32_t>(day);
  before.resolution_s = static_cast<int32_t>(resolution_s);
  entry.key = before;
  const size_t slot_count = entry.key.SlotCount();
  if (slot >= slot_count || count == 0 || count > slot_count - slot) {
    return false;
  }
  entry.slot = static_cast<size_t>(slot);
  entry.quality = static_cast<Quality>(tag & 0x0f);
  entry.method = static_cast<Method>(tag >> 4);
  entry.import_wh.resize(static_cast<size_t>(count));
  in.Column(absl::MakeSpan(entry.import_wh));
  if ((flags & kHasExport) != 0) {
    entry.export_wh.resize(static_cast<size_t>(count));
    in.Column(absl::MakeSpan(entry.export_wh));
  }
  return in.ok();
}

}  // namespace

void BlockWriter::Add(const DayKey& key, size_t slot, Quality quality, Method method,
                      absl::Span<const int32_t> import_wh, absl::Span<const int32_t> export_wh) {
  if (count_++ == 0) {
    out_.Byte(kLayout);
  }
  out_.Signed(int64_t{key.day} - before_.day);
  out_.Signed(key.point_no - before_.point_no);
  out_.Unsigned(static_cast<uint64_t>(key.resolution_s));
  out_.Unsigned(slot);
  out_.Unsigned(import_wh.size());
  out_.Byte(static_cast<uint8_t>(static_cast<int>(quality) | static_cast<int>(method) << 4));
  out_.Byte(export_wh.empty() ? 0 : kHasExport);
  out_.Column(import_wh);
  if (!export_wh.empty()) {
    out_.Column(export_wh);
  }
  before_ = key;
}

absl::StatusOr<std::vector<BlockEntry>> ReadBlock(absl::string_view bytes) {
  ByteReader in(bytes);
  std::vector<BlockEntry> entries;
  bool ok = bytes.empty() || in.Byte() == kLayout;
  DayKey before;
  while (ok && !in.AtEnd()) {
    ok = ReadEntry(in, before, entries.emplace_back());
  }
  if (!ok) {
    return absl::DataLossError("a stored block of readings cannot be read");
  }
  return entries;
}

void Apply(const BlockEntry& entry, int64_t block_no, int64_t created_us, Day& day) {
  if (block_no <= day.last_block_no) {
    return;
  }
  const Provenance provenance{created_us, entry.quality, entry.method};
  for (size_t i = 0; i < entry.import_wh.size(); ++i) {
    day.Write(entry.slot + i, entry.import_wh[i],
              entry.export_wh.empty() ? 0 : entry.export_wh[i], provenance);
  }
}

std::string PackPositions(absl::Span<const DevicePosition> positions) {
  ByteWriter out;
  out.Byte(kLayout);
  for (const DevicePosition& position : positions) {
    out.Text(position.device.value());
    out.Unsigned(static_cast<uint64_t>(position.sequence));
  }
  return out.Take();
}

absl::StatusOr<std::vector<DevicePosition>> UnpackPositions(absl::string_view bytes) {
  ByteReader in(bytes);
  bool ok = bytes.empty() || in.Byte() == kLayout;
  std::vector<DevicePosition> positions;
  while (ok && !in.AtEnd()) {
    DeviceId device{std::string(in.Text())};
    const auto sequence = static_cast<int64_t>(in.Unsigned());
    ok = in.ok() && sequence >= 1;
    positions.push_back({std::move(device), sequence});
  }
  if (!ok) {
    return absl::DataLossError("stored positions of devices cannot be read");
  }
  return positions;
}

std::string PackSpans(absl::Span<const WrittenSpan> spans) {
  absl::flat_hash_map<CommunityId, size_t> numbers;
  std::vector<const CommunityId*> communities;
  for (const WrittenSpan& span : spans) {
    if (numbers.emplace(span.community, communities.size()).second) {
      communities.push_back(&span.community);
    }
  }
  ByteWriter out;
  out.Byte(kLayout);
  out.Unsigned(communities.size());
  for (const CommunityId* community : communities) {
    out.Text(community->value());
  }
  WrittenSpan before;
  for (const WrittenSpan& span : spans) {
    out.Unsigned(numbers.at(span.community));
    out.Signed(span.point_no - before.point_no);
    out.Signed((span.start_s - before.start_s) / kSpanUnitSeconds);
    out.Unsigned(static_cast<uint64_t>((span.end_s - span.start_s) / kSpanUnitSeconds));
    before.point_no = span.point_no;
    before.start_s = span.start_s;
  }
  return out.Take();
}

absl::StatusOr<std::vector<WrittenSpan>> UnpackSpans(absl::string_view bytes) {
  ByteReader in(bytes);
  bool ok = in.Byte() == kLayout;
  std::vector<CommunityId> communities;
  for (uint64_t left = in.Unsigned(); left > 0 && in.ok(); --left) {
    communities.emplace_back(std::string(in.Text()));
  }
  std::vector<WrittenSpan> spans;
  WrittenSpan span;
  while (ok && in.ok() && !in.AtEnd()) {
    const uint64_t community = in.Unsigned();
    span.point_no += in.Signed();
    span.start_s += in.Signed() * kSpanUnitSeconds;
    span.end_s = span.start_s + static_cast<int64_t>(in.Unsigned()) * kSpanUnitSeconds;
    ok = community < communities.size();
    if (ok) {
      span.community = communities[community];
      spans.push_back(span);
    }
  }
  if (!ok || !in.ok()) {
    return absl::DataLossError("stored spans of changes cannot be read");
  }
  return spans;
}

}  // namespace peerwatt::metering
