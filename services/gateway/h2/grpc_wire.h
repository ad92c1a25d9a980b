#pragma once

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace peerwatt::gateway {

/// Cuts the bytes of a gRPC call into messages: each has a flag, a length of four bytes and the
/// message. A message that came whole in one chunk is not copied.
class MessageReader {
 public:
  enum class Result {
    kMessage,
    kMore,        ///< the next message has not arrived whole
    kTooLarge,    ///< it is over the bound; nothing after it can be read
    kCompressed,  ///< the client compressed it, or the flag is none
  };

  /// message_bytes_max: of one message.
  explicit MessageReader(size_t message_bytes_max) : message_bytes_max_(message_bytes_max) {}

  /// Takes what has arrived. The bytes must stay until `Keep`.
  void Push(absl::string_view chunk) { chunk_ = chunk; }
  /// The next message; a view until the next call of anything here.
  Result Next(absl::string_view& message);
  /// Copies what is left of the chunk.
  void Keep();
  /// Whether nothing is held, not even a part of a message.
  bool empty() const { return buffer_.size() == taken_ && chunk_.empty(); }
  /// Bytes that are held.
  size_t held() const { return buffer_.size() - taken_ + chunk_.size(); }

 private:
  /// Whether so many bytes lie together behind those taken.
  bool Gather(size_t size);
  absl::string_view gathered() const { return absl::string_view(buffer_).substr(taken_); }

  const size_t message_bytes_max_;
  std::string buffer_;
  size_t taken_ = 0;         ///< bytes at the front of the buffer that were returned
  absl::string_view chunk_;  ///< comes after the buffer
};

/// A message as it goes over the wire, uncompressed.
std::string FrameMessage(absl::string_view message);

/// `grpc-timeout`: up to eight digits and a unit of `HMSmun`. Errors: kInvalidArgument.
absl::StatusOr<absl::Duration> ParseTimeout(absl::string_view text);

/// Text for `grpc-message`: what is not printable ASCII, and `%`, as `%XX`.
std::string PercentEncode(absl::string_view text);

/// Bytes for a header whose name ends with `-bin`.
std::string EncodeBinaryHeader(absl::string_view bytes);

}  // namespace peerwatt::gateway
