#include "services/settlement/core/billing/kpi_span.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"

namespace peerwatt::settlement {
namespace {

/// Whether `text` looks like `2026-07-14`, cut to the length of `pattern`.
bool Fits(const std::string& text, absl::string_view pattern) {
  return text.size() == pattern.size() &&
         std::equal(text.begin(), text.end(), pattern.begin(), [](char c, char p) {
           return p == '-' ? c == '-' : absl::ascii_isdigit(static_cast<unsigned char>(c));
         });
}

absl::StatusOr<Interval> DayOf(const std::string& text, absl::TimeZone zone) {
  absl::CivilDay day;
  if (!Fits(text, "0000-00-00") || !absl::ParseCivilTime(text, &day)) {
    return FieldInvalid("day", "must be a day such as 2026-07-14");
  }
  return Interval{absl::FromCivil(day, zone), absl::FromCivil(day + 1, zone)};
}

absl::StatusOr<Interval> MonthOf(const std::string& text, absl::TimeZone zone) {
  absl::CivilMonth month;
  if (!Fits(text, "0000-00") || !absl::ParseCivilTime(text, &month)) {
    return FieldInvalid("month", "must be a month such as 2026-07");
  }
  return Interval{absl::FromCivil(month, zone), absl::FromCivil(month + 1, zone)};
}

absl::StatusOr<Interval> WholeOf(const KpiSpanRequest& request, const KpiGrid& grid) {
  const bool has_instants = request.start.has_value() || request.end.has_value();
  if (int{has_instants} + int{!request.day.empty()} + int{!request.month.empty()} != 1) {
    return FieldInvalid("start_time", "give start_time and end_time, or day, or month");
  }
  if (!request.day.empty()) return DayOf(request.day, grid.zone);
  if (!request.month.empty()) return MonthOf(request.month, grid.zone);
  if (!request.start.has_value()) return FieldInvalid("start_time", "is required with end_time");
  if (!request.end.has_value()) return FieldInvalid("end_time", "is required with start_time");
  if (*request.end <= *request.start) {
    return FieldInvalid("end_time", "must lie after start_time");
  }
  return Interval{*request.start, *request.end};
}

/// The first instant after `time` at which a part starts.
absl::Time NextStart(absl::Time time, KpiStep step, const KpiGrid& grid) {
  switch (step) {
    case KpiStep::kNone:
      break;
    case KpiStep::kPeriod:
      return FloorToGrid(time, grid.period) + grid.period;
    case KpiStep::kDay:
      return absl::FromCivil(absl::ToCivilDay(time, grid.zone) + 1, grid.zone);
    case KpiStep::kMonth:
      return absl::FromCivil(absl::ToCivilMonth(time, grid.zone) + 1, grid.zone);
  }
  return absl::InfiniteFuture();
}

}  // namespace

Interval KpiSpan::Part(size_t number) const {
  return {starts[number], number + 1 < starts.size() ? starts[number + 1] : whole.end};
}

absl::StatusOr<KpiSpan> ReadKpiSpan(const KpiSpanRequest& request, const KpiGrid& grid) {
  KpiSpan span;
  PW_ASSIGN_OR_RETURN(span.whole, WholeOf(request, grid));
  if (span.whole.length() > grid.longest) {
    return FieldInvalid(
        request.month.empty() ? "end_time" : "month",
        absl::StrCat("must be at most ", grid.longest / absl::Hours(24), " days after the start"));
  }
  span.has_parts = request.step != KpiStep::kNone;
  for (absl::Time start = span.whole.start; start < span.whole.end;
       start = NextStart(start, request.step, grid)) {
    if (span.starts.size() == kKpiPartsMax) {
      return FieldInvalid("step",
                          absl::StrCat("cuts the span into more than ", kKpiPartsMax, " parts"));
    }
    span.starts.push_back(start);
  }
  return span;
}

}  // namespace peerwatt::settlement
