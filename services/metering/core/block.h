#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "services/metering/core/byte_codec.h"
#include "services/metering/core/day.h"

namespace peerwatt::metering {

/// Values that were written together: consecutive intervals of one metering point and day.
struct BlockEntry {
  DayKey key;
  size_t slot = 0;  ///< The first interval.
  Quality quality = Quality::kMeasured;
  Method method = Method::kNone;
  std::vector<int32_t> import_wh;
  std::vector<int32_t> export_wh;  ///< Empty: all 0.
};

/// Puts a block together: what one transaction wrote into one shard, in its order. Only values
/// that were decided to be new are in it, so that writing them again in the order of the blocks
/// gives the same days.
class BlockWriter {
 public:
  /// Adds `import_wh.size()` values. export_wh: as many, or none when all are 0.
  void Add(const DayKey& key, size_t slot, Quality quality, Method method,
           absl::Span<const int32_t> import_wh, absl::Span<const int32_t> export_wh);
  bool empty() const { return count_ == 0; }
  const std::string& bytes() const { return out_.bytes(); }

 private:
  ByteWriter out_;
  DayKey before_;
  size_t count_ = 0;
};

/// Reads a block; no bytes are one without entries. Errors: kDataLoss when the bytes are not a
/// block.
absl::StatusOr<std::vector<BlockEntry>> ReadBlock(absl::string_view bytes);

/// Writes an entry into its day, unless the day has the block already.
void Apply(const BlockEntry& entry, int64_t block_no, int64_t created_us, Day& day);

/// How far a device has come: all its batches up to here are settled.
struct DevicePosition {
  DeviceId device;
  int64_t sequence = 0;

  bool operator==(const DevicePosition&) const = default;
};

/// Positions as bytes, and back. Errors: kDataLoss when the bytes are not positions.
std::string PackPositions(absl::Span<const DevicePosition> positions);
absl::StatusOr<std::vector<DevicePosition>> UnpackPositions(absl::string_view bytes);

/// A span of one metering point, by its number, in which values were written.
struct WrittenSpan {
  CommunityId community;
  int64_t point_no = 0;
  int64_t start_s = 0;  ///< Seconds since 1970; ends are multiples of `kSpanUnitSeconds`.
  int64_t end_s = 0;

  bool operator==(const WrittenSpan&) const = default;
};

/// All lengths of intervals are multiples of this.
inline constexpr int64_t kSpanUnitSeconds = 300;

/// Spans as bytes, and back. Errors: kDataLoss when the bytes are not spans.
std::string PackSpans(absl::Span<const WrittenSpan> spans);
absl::StatusOr<std::vector<WrittenSpan>> UnpackSpans(absl::string_view bytes);

}  // namespace peerwatt::metering
