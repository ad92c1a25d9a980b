#include "services/metering/core/byte_codec.h"

#include <algorithm>
#include <limits>

#include "services/metering/core/day.h"

namespace peerwatt::metering {
namespace {

/// Least number of bytes in which all values and the mark for "no value" have room.
size_t WidthOf(absl::Span<const int32_t> values) {
  int32_t largest = 0;
  for (const int32_t value : values) {
    largest = std::max(largest, value);
  }
  if (largest < std::numeric_limits<uint8_t>::max()) {
    return 1;
  }
  return largest < std::numeric_limits<uint16_t>::max() ? 2 : 4;
}

template <typename T>
void AppendColumn(absl::Span<const int32_t> values, std::string& bytes) {
  const size_t begin = bytes.size();
  bytes.resize(begin + values.size() * sizeof(T));
  char* out = bytes.data() + begin;
  for (const int32_t value : values) {
    // kNoValue is -1: cut to any width it is all ones.
    const T narrow = static_cast<T>(value);
    for (size_t byte = 0; byte < sizeof(T); ++byte) {
      *out++ = static_cast<char>(narrow >> (8 * byte));
    }
  }
}

template <typename T>
void ReadColumn(const char* in, absl::Span<int32_t> values) {
  for (int32_t& value : values) {
    T narrow = 0;
    for (size_t byte = 0; byte < sizeof(T); ++byte) {
      narrow = static_cast<T>(narrow | static_cast<T>(static_cast<uint8_t>(*in++)) << (8 * byte));
    }
    value = narrow == std::numeric_limits<T>::max() ? kNoValue : static_cast<int32_t>(narrow);
  }
}

}  // namespace

void ByteWriter::Unsigned(uint64_t value) {
  for (; value >= 0x80; value >>= 7) {
    Byte(static_cast<uint8_t>(value | 0x80));
  }
  Byte(static_cast<uint8_t>(value));
}

void ByteWriter::Signed(int64_t value) {
  Unsigned((static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63));
}

void ByteWriter::Column(absl::Span<const int32_t> values) {
  const size_t width = WidthOf(values);
  Byte(static_cast<uint8_t>(width));
  if (width == 1) {
    AppendColumn<uint8_t>(values, bytes_);
  } else if (width == 2) {
    AppendColumn<uint16_t>(values, bytes_);
  } else {
    AppendColumn<uint32_t>(values, bytes_);
  }
}

void ByteWriter::Text(absl::string_view text) {
  Unsigned(text.size());
  bytes_.append(text.data(), text.size());
}

void ByteReader::Fail() {
  ok_ = false;
  rest_ = {};
}

uint8_t ByteReader::Byte() {
  if (rest_.empty()) {
    Fail();
    return 0;
  }
  const auto byte = static_cast<uint8_t>(rest_.front());
  rest_.remove_prefix(1);
  return byte;
}

uint64_t ByteReader::Unsigned() {
  uint64_t value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    const uint8_t byte = Byte();
    value |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if ((byte & 0x80) == 0) {
      return ok_ ? value : 0;
    }
  }
  Fail();
  return 0;
}

int64_t ByteReader::Signed() {
  const uint64_t value = Unsigned();
  return static_cast<int64_t>(value >> 1) ^ -static_cast<int64_t>(value & 1);
}

void ByteReader::Column(absl::Span<int32_t> values) {
  Column(Byte(), values);
}

void ByteReader::Column(size_t width, absl::Span<int32_t> values) {
  if ((width != 1 && width != 2 && width != 4) || rest_.size() / width < values.size()) {
    Fail();
    std::fill(values.begin(), values.end(), 0);
    return;
  }
  if (width == 1) {
    ReadColumn<uint8_t>(rest_.data(), values);
  } else if (width == 2) {
    ReadColumn<uint16_t>(rest_.data(), values);
  } else {
    ReadColumn<uint32_t>(rest_.data(), values);
  }
  rest_.remove_prefix(width * values.size());
}

absl::string_view ByteReader::Text() {
  return Bytes(Unsigned());
}

absl::string_view ByteReader::Bytes(size_t size) {
  if (size > rest_.size()) {
    Fail();
    return {};
  }
  const absl::string_view bytes = rest_.substr(0, size);
  rest_.remove_prefix(size);
  return bytes;
}

int64_t ByteReader::BigEndian(size_t size) {
  uint64_t value = 0;
  for (const char byte : Bytes(size)) {
    value = value << 8 | static_cast<uint8_t>(byte);
  }
  return static_cast<int64_t>(value);
}

}  // namespace peerwatt::metering
