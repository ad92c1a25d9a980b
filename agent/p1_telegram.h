#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace peerwatt::agent {

/// What a telegram of a meter's P1 port says.
struct P1Telegram {
  std::string meter;                 ///< equipment identifier, or the identification line
  int version = 0;                   ///< 50, 42, 40; 0 when the telegram does not say
  bool checked = false;              ///< whether it carried a checksum
  std::optional<absl::Time> time;    ///< the meter's own clock; absent before version 4
  std::optional<int64_t> import_wh;  ///< 1.8.0, or the sum of the tariffs 1.8.1 to 1.8.4
  std::optional<int64_t> export_wh;  ///< 2.8.0, or the sum of the tariffs 2.8.1 to 2.8.4
  std::optional<int64_t> import_w;   ///< 1.7.0
  std::optional<int64_t> export_w;   ///< 2.7.0
};

/// CRC-16 as the trailer of a telegram carries it (polynomial 0x8005 reflected, start 0).
uint16_t P1Crc(absl::string_view bytes);

/// Reads one telegram, from `/` to the end of the trailer.
/// standard_offset: from UTC to the standard time of the place; a time marked `S` is an hour more,
/// so both passes of the repeated hour are told apart.
/// Errors: TELEGRAM_INVALID when the checksum is wrong or missing from version 4 on, a value that
/// counts is malformed, has a digit finer than a watt hour or comes twice with two values.
/// Source: DSMR 5.0.2 P1 companion standard; IEC 62056-21 and 62056-61 (OBIS).
absl::StatusOr<P1Telegram> ParseP1Telegram(absl::string_view telegram,
                                           absl::Duration standard_offset = absl::Hours(1));

/// Cuts a stream of bytes into telegrams. What is no telegram is skipped and counted; a telegram
/// that was cut off ends where the next one begins.
class P1Framer {
 public:
  /// telegram_bytes_max: longer ones are skipped.
  explicit P1Framer(size_t telegram_bytes_max = 8192) : telegram_bytes_max_(telegram_bytes_max) {}

  /// Takes bytes as they come; take out what is complete before the next ones.
  void Push(absl::string_view bytes);
  /// The next complete telegram, if there is one.
  std::optional<std::string> Next();
  /// Bytes that belonged to no telegram.
  int64_t skipped_bytes() const { return skipped_bytes_; }

 private:
  void Take(char c);
  void Skip();

  const size_t telegram_bytes_max_;
  std::string telegram_;  // empty outside of one
  bool line_begins_ = true;
  bool trailer_ = false;  // in the line that starts with '!'
  int64_t skipped_bytes_ = 0;
  std::deque<std::string> complete_;
};

}  // namespace peerwatt::agent
