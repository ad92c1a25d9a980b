#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>

#include "absl/strings/string_view.h"
#include "agent/crc32.h"

// How a buffer's files are laid out; numbers are little-endian.
namespace peerwatt::agent::buffer_format {

// A segment file: a header of 32 bytes (magic, first index, through of the record before, CRC) and
// records, each with a header of 24 bytes (CRC of all that follows, size, index, through).
// The position file: two slots of 64 bytes, written in turn, of which the newer good one counts.
inline constexpr absl::string_view kMagic = "PWSEG001";
inline constexpr int64_t kSegmentHeader = 32;
inline constexpr int64_t kRecordHeader = 24;
inline constexpr int64_t kSlot = 64;
inline constexpr int64_t kPayloadMax = 16 << 20;
inline constexpr int64_t kNone = std::numeric_limits<int64_t>::min();
inline constexpr int64_t kIndexMax = int64_t{1} << 62;

inline void Put(std::string& out, uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out += static_cast<char>((value >> (8 * i)) & 255);
}
inline void PutInt(std::string& out, int64_t value) { Put(out, static_cast<uint64_t>(value), 8); }

inline uint64_t Get(absl::string_view in, size_t offset, size_t bytes) {
  uint64_t value = 0;
  for (size_t i = 0; i < bytes; ++i) {
    value |= uint64_t{static_cast<unsigned char>(in[offset + i])} << (8 * i);
  }
  return value;
}
inline int64_t GetInt(absl::string_view in, size_t offset) {
  return static_cast<int64_t>(Get(in, offset, 8));
}

/// Whether a slot of the position file is whole and its numbers can be.
inline bool IsGoodSlot(absl::string_view slot) {
  return static_cast<int64_t>(slot.size()) == kSlot &&
         Get(slot, 56, 4) == Crc32(slot.substr(0, 56)) && GetInt(slot, 8) >= 0 &&
         GetInt(slot, 8) <= kIndexMax;
}

}  // namespace peerwatt::agent::buffer_format
