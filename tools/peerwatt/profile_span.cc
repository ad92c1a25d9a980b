#include "tools/peerwatt/profile_span.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "absl/time/civil_time.h"

namespace peerwatt::tool {
namespace {

std::optional<absl::Time> TimeOfRow(absl::string_view row) {
  absl::string_view text = row.substr(0, row.find(','));
  const size_t dot = text.find('.');
  if (dot != absl::string_view::npos) {
    if (text.substr(dot + 1).find_first_not_of('0') != absl::string_view::npos) return std::nullopt;
    text = text.substr(0, dot);
  }
  int64_t seconds = 0;
  if (!absl::SimpleAtoi(text, &seconds)) return std::nullopt;
  return absl::FromUnixSeconds(seconds);
}

}  // namespace

absl::StatusOr<ProfileSpan> SpanOfProfile(const std::string& csv) {
  std::vector<absl::string_view> rows = absl::StrSplit(csv, '\n', absl::SkipWhitespace());
  if (rows.size() < 3) return absl::InvalidArgumentError("a profile needs a header and two rows");
  const auto first = TimeOfRow(rows[1]);
  const auto second = TimeOfRow(rows[2]);
  const auto last = TimeOfRow(rows.back());
  if (!first || !second || !last || *second <= *first || *last < *second) {
    return absl::InvalidArgumentError("the times of a profile must be growing unix seconds");
  }
  const absl::Duration interval = *second - *first;
  return ProfileSpan{*first, *last + interval, interval};
}

absl::Time EndAfterLocalDays(absl::Time start, int days, absl::TimeZone zone, absl::Time limit) {
  const absl::CivilSecond local = absl::ToCivilSecond(start, zone);
  const absl::CivilDay day = absl::CivilDay(local) + days;
  const absl::CivilSecond end(day.year(), day.month(), day.day(), local.hour(), local.minute(),
                              local.second());
  return std::min(absl::FromCivil(end, zone), limit);
}

}  // namespace peerwatt::tool
