#include "libs/domain/interval.h"

#include <cstddef>
#include <cstdint>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"

namespace peerwatt {
namespace {

// Years of four digits.
constexpr int kYearMin = 1000;
constexpr int kYearMax = 9999;

}  // namespace

bool IsOnGrid(absl::Time time, absl::Duration step) { return FloorToGrid(time, step) == time; }

absl::Time FloorToGrid(absl::Time time, absl::Duration step) {
  return absl::UnixEpoch() + absl::Floor(time - absl::UnixEpoch(), step);
}

std::string TimeSegment(absl::Time time) {
  const absl::CivilSecond second = absl::ToCivilSecond(time, absl::UTCTimeZone());
  if (second.year() < kYearMin || second.year() > kYearMax) {
    return absl::FormatTime("%Y%m%dt%H%M%Sz", time, absl::UTCTimeZone());
  }
  std::string segment = "00000000t000000z";
  // By hand: every name of an order has one.
  const auto write = [&](size_t from, size_t digits, int64_t value) {
    for (size_t i = from + digits; i > from; --i, value /= 10) {
      segment[i - 1] = static_cast<char>('0' + value % 10);
    }
  };
  write(0, 4, second.year());
  write(4, 2, second.month());
  write(6, 2, second.day());
  write(9, 2, second.hour());
  write(11, 2, second.minute());
  write(13, 2, second.second());
  return segment;
}

absl::StatusOr<absl::Time> ParseTimeSegment(absl::string_view segment) {
  constexpr absl::string_view kForm = "00000000t000000z";
  bool has_form = segment.size() == kForm.size();
  for (size_t i = 0; has_form && i < kForm.size(); ++i) {
    has_form = kForm[i] == '0' ? absl::ascii_isdigit(static_cast<unsigned char>(segment[i]))
                               : segment[i] == kForm[i];
  }
  if (has_form) {
    const auto read = [&](size_t from, size_t digits) {
      int value = 0;
      for (size_t i = from; i < from + digits; ++i) {
        value = value * 10 + (segment[i] - '0');
      }
      return value;
    };
    const absl::Time time =
        absl::FromCivil(absl::CivilSecond(read(0, 4), read(4, 2), read(6, 2), read(9, 2),
                                          read(11, 2), read(13, 2)),
                        absl::UTCTimeZone());
    // No 30th of February, no 61st second: such are other instants, written otherwise.
    if (read(0, 4) >= kYearMin && TimeSegment(time) == segment) {
      return time;
    }
  }
  return absl::InvalidArgumentError(
      absl::StrCat("'", segment, "' is not an instant of the form 20260701t101500z"));
}

bool IsIntervalLength(absl::Duration length) {
  return length == absl::Minutes(5) || length == absl::Minutes(15) ||
         length == absl::Minutes(30) || length == absl::Minutes(60);
}

}  // namespace peerwatt
