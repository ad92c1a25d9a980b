#include "services/gateway/h2/grpc_wire.h"

#include <algorithm>
#include <cstdint>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"

namespace peerwatt::gateway {
namespace {

constexpr size_t kHeadBytes = 5;
constexpr size_t kTimeoutDigitsMax = 8;

size_t LengthIn(absl::string_view head) {
  size_t length = 0;
  for (size_t i = 1; i < kHeadBytes; ++i) length = length << 8 | static_cast<uint8_t>(head[i]);
  return length;
}

}  // namespace

bool MessageReader::Gather(size_t size) {
  if (gathered().size() >= size) return true;
  buffer_.erase(0, taken_);
  taken_ = 0;
  const size_t from_chunk = std::min(size - buffer_.size(), chunk_.size());
  buffer_.append(chunk_.data(), from_chunk);
  chunk_.remove_prefix(from_chunk);
  return buffer_.size() >= size;
}

MessageReader::Result MessageReader::Next(absl::string_view& message) {
  // An idle stream keeps no memory of what it read.
  if (taken_ == buffer_.size() && !buffer_.empty()) {
    std::string().swap(buffer_);
    taken_ = 0;
  }
  const bool in_chunk = buffer_.empty();
  if (in_chunk ? chunk_.size() < kHeadBytes : !Gather(kHeadBytes)) return Result::kMore;
  const absl::string_view head = in_chunk ? chunk_ : gathered();
  if (head[0] != 0) return Result::kCompressed;
  const size_t size = LengthIn(head);
  if (size > message_bytes_max_) return Result::kTooLarge;
  if (in_chunk) {
    if (chunk_.size() < kHeadBytes + size) return Result::kMore;
    message = chunk_.substr(kHeadBytes, size);
    chunk_.remove_prefix(kHeadBytes + size);
    return Result::kMessage;
  }
  if (!Gather(kHeadBytes + size)) return Result::kMore;
  message = gathered().substr(kHeadBytes, size);
  taken_ += kHeadBytes + size;
  return Result::kMessage;
}

void MessageReader::Keep() {
  if (taken_ > 0) {
    buffer_.erase(0, taken_);
    taken_ = 0;
    if (buffer_.empty()) std::string().swap(buffer_);
  }
  buffer_.append(chunk_.data(), chunk_.size());
  chunk_ = {};
}

std::string FrameMessage(absl::string_view message) {
  std::string out;
  out.reserve(kHeadBytes + message.size());
  out.push_back(0);
  for (int shift = 24; shift >= 0; shift -= 8) {
    out.push_back(static_cast<char>(message.size() >> shift & 0xff));
  }
  out.append(message.data(), message.size());
  return out;
}

absl::StatusOr<absl::Duration> ParseTimeout(absl::string_view text) {
  static constexpr absl::string_view kUnits = "HMSmun";
  static const absl::Duration kLengths[] = {absl::Hours(1),        absl::Minutes(1),
                                            absl::Seconds(1),      absl::Milliseconds(1),
                                            absl::Microseconds(1), absl::Nanoseconds(1)};
  const size_t unit = text.empty() ? absl::string_view::npos : kUnits.find(text.back());
  const absl::string_view digits = text.substr(0, text.empty() ? 0 : text.size() - 1);
  int64_t count = 0;
  if (unit == absl::string_view::npos || digits.empty() || digits.size() > kTimeoutDigitsMax ||
      !std::all_of(digits.begin(), digits.end(),
                   [](char c) { return absl::ascii_isdigit(static_cast<unsigned char>(c)); }) ||
      !absl::SimpleAtoi(digits, &count)) {
    return absl::InvalidArgumentError("grpc-timeout is no timeout");
  }
  return count * kLengths[unit];
}

std::string PercentEncode(absl::string_view text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    if (c >= ' ' && c <= '~' && c != '%') {
      out.push_back(c);
    } else {
      const auto byte = static_cast<uint8_t>(c);
      out.push_back('%');
      out.push_back(kHex[byte >> 4]);
      out.push_back(kHex[byte & 15]);
    }
  }
  return out;
}

std::string EncodeBinaryHeader(absl::string_view bytes) {
  std::string out = absl::Base64Escape(bytes);
  // Padding is optional here.
  while (!out.empty() && out.back() == '=') out.pop_back();
  return out;
}

}  // namespace peerwatt::gateway
