#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace peerwatt::metering {

/// Writes numbers as bytes, small ones short. The layout is that of storage: it never changes.
class ByteWriter {
 public:
  /// Seven bits per byte, least significant first, the high bit says that more follow.
  void Unsigned(uint64_t value);
  /// Zigzag: 0, -1, 1, -2 become 0, 1, 2, 3.
  void Signed(int64_t value);
  void Byte(uint8_t value) { bytes_.push_back(static_cast<char>(value)); }
  /// A column of numbers that are not below `kNoValue`: a byte with the width (1, 2 or 4), then
  /// each number in that many bytes, least significant first; all ones stand for `kNoValue`.
  void Column(absl::Span<const int32_t> values);
  /// Length, then the text.
  void Text(absl::string_view text);

  const std::string& bytes() const { return bytes_; }
  std::string Take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

/// Reads what `ByteWriter` wrote. After a fault all reads return 0 and `ok` is false.
class ByteReader {
 public:
  explicit ByteReader(absl::string_view bytes) : rest_(bytes) {}

  uint64_t Unsigned();
  int64_t Signed();
  uint8_t Byte();
  /// Reads `values.size()` numbers.
  void Column(absl::Span<int32_t> values);
  /// The same when the width stood elsewhere.
  void Column(size_t width, absl::Span<int32_t> values);
  absl::string_view Text();
  absl::string_view Bytes(size_t size);
  /// A number of so many bytes, at most 8, most significant first: as PostgreSQL sends it.
  int64_t BigEndian(size_t size);

  bool ok() const { return ok_; }
  bool AtEnd() const { return rest_.empty(); }

 private:
  void Fail();

  absl::string_view rest_;
  bool ok_ = true;
};

}  // namespace peerwatt::metering
