// Spans that figures are asked for, and their parts, on the days on which clocks change too.

#include "services/settlement/core/billing/kpi_span.h"

#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "libs/base/error.h"
#include "libs/domain/time_zone.h"

namespace peerwatt::settlement {
namespace {

absl::Time At(const std::string& text) {
  absl::Time time;
  std::string error;
  EXPECT_TRUE(absl::ParseTime(absl::RFC3339_full, text, &time, &error)) << error;
  return time;
}

KpiGrid Berlin() {
  return {IanaTimeZone("Europe/Berlin").value(), absl::Minutes(15), absl::Hours(24 * 32 + 1)};
}

KpiSpanRequest Between(const std::string& start, const std::string& end,
                       KpiStep step = KpiStep::kNone) {
  KpiSpanRequest request;
  request.start = At(start);
  request.end = At(end);
  request.step = step;
  return request;
}

KpiSpanRequest OfDay(const std::string& day, KpiStep step = KpiStep::kNone) {
  KpiSpanRequest request;
  request.day = day;
  request.step = step;
  return request;
}

KpiSpanRequest OfMonth(const std::string& month, KpiStep step = KpiStep::kNone) {
  KpiSpanRequest request;
  request.month = month;
  request.step = step;
  return request;
}

KpiSpan Read(const KpiSpanRequest& request) {
  const absl::StatusOr<KpiSpan> span = ReadKpiSpan(request, Berlin());
  EXPECT_TRUE(span.ok()) << span.status();
  return span.value_or(KpiSpan());
}

TEST(ReadKpiSpanTest, DaysAndMonthsAreLocal) {
  EXPECT_EQ(Read(OfDay("2026-07-14")).whole,
            (Interval{At("2026-07-13T22:00:00Z"), At("2026-07-14T22:00:00Z")}));
  EXPECT_EQ(Read(OfMonth("2026-12")).whole,
            (Interval{At("2026-11-30T23:00:00Z"), At("2026-12-31T23:00:00Z")}));
}

TEST(ReadKpiSpanTest, DaysOnWhichClocksChangeAreShorterOrLonger) {
  EXPECT_EQ(Read(OfDay("2026-03-29")).whole.length(), absl::Hours(23));
  EXPECT_EQ(Read(OfDay("2026-10-25")).whole.length(), absl::Hours(25));
  EXPECT_EQ(Read(OfDay("2026-10-25", KpiStep::kPeriod)).starts.size(), 100U);
  const KpiSpan october = Read(OfMonth("2026-10", KpiStep::kDay));
  ASSERT_EQ(october.starts.size(), 31U);
  EXPECT_EQ(october.Part(24).length(), absl::Hours(25));
  EXPECT_EQ(october.Part(30), (Interval{At("2026-10-30T23:00:00Z"), october.whole.end}));
}

TEST(ReadKpiSpanTest, WithoutAStepItHasOnePart) {
  const KpiSpan span = Read(Between("2026-07-01T00:05:00Z", "2026-07-03T00:00:00Z"));
  EXPECT_FALSE(span.has_parts);
  ASSERT_EQ(span.starts.size(), 1U);
  EXPECT_EQ(span.Part(0), span.whole);
}

TEST(ReadKpiSpanTest, PartsLieOnTheGridAndTheFirstAndLastMayBeShorter) {
  const KpiSpan span = Read(Between("2026-07-01T12:00:00Z", "2026-07-03T12:00:00Z", KpiStep::kDay));
  ASSERT_EQ(span.starts.size(), 3U);
  EXPECT_EQ(span.Part(0), (Interval{At("2026-07-01T12:00:00Z"), At("2026-07-01T22:00:00Z")}));
  EXPECT_EQ(span.Part(1).length(), absl::Hours(24));
  EXPECT_EQ(span.Part(2), (Interval{At("2026-07-02T22:00:00Z"), At("2026-07-03T12:00:00Z")}));
  const KpiSpan periods =
      Read(Between("2026-07-01T12:05:00Z", "2026-07-01T12:45:00Z", KpiStep::kPeriod));
  ASSERT_EQ(periods.starts.size(), 3U);
  EXPECT_EQ(periods.Part(0).length(), absl::Minutes(10));
  const KpiSpan months =
      Read(Between("2026-07-20T00:00:00Z", "2026-08-10T00:00:00Z", KpiStep::kMonth));
  ASSERT_EQ(months.starts.size(), 2U);
  EXPECT_EQ(months.Part(1).start, At("2026-07-31T22:00:00Z"));
}

TEST(ReadKpiSpanTest, RefusesInOrder) {
  KpiSpanRequest both = OfDay("2026-07-14");
  both.month = "2026-07";
  KpiSpanRequest day_and_end = OfDay("2026-07-14");
  day_and_end.end = At("2026-07-15T00:00:00Z");
  KpiSpanRequest no_end;
  no_end.start = At("2026-07-15T00:00:00Z");
  KpiSpanRequest no_start;
  no_start.end = no_end.start;
  const struct {
    const char* what;
    KpiSpanRequest request;
    const char* field;
  } kCases[] = {
      {"nothing", {}, "start_time"},
      {"a day and a month", both, "start_time"},
      {"a day and an end", day_and_end, "start_time"},
      {"no end", no_end, "end_time"},
      {"no start", no_start, "start_time"},
      {"an empty span", Between("2026-07-01T00:00:00Z", "2026-07-01T00:00:00Z"), "end_time"},
      {"backwards", Between("2026-07-02T00:00:00Z", "2026-07-01T00:00:00Z"), "end_time"},
      {"no such day", OfDay("2026-02-30"), "day"},
      {"a day with an hour", OfDay("2026-02-03T01"), "day"},
      {"a day of one digit", OfDay("2026-2-3"), "day"},
      {"no such month", OfMonth("2026-13"), "month"},
      {"a month with a day", OfMonth("2026-07-01"), "month"},
      {"as long as may be", Between("2026-07-01T00:00:00Z", "2026-08-02T01:00:00Z"), "OK"},
      {"too long", Between("2026-07-01T00:00:00Z", "2026-08-02T01:00:01Z"), "end_time"},
      {"366 parts", Between("2026-07-01T00:00:00Z", "2026-07-04T19:30:00Z", KpiStep::kPeriod),
       "OK"},
      {"367 parts", Between("2026-07-01T00:00:00Z", "2026-07-04T19:30:01Z", KpiStep::kPeriod),
       "step"},
  };
  for (const auto& c : kCases) {
    const absl::Status status = ReadKpiSpan(c.request, Berlin()).status();
    const std::vector<FieldViolation> violations = DetailOf(status).violations;
    EXPECT_EQ(status.ok()          ? "OK"
              : violations.empty() ? "?"
                                   : violations[0].field,
              c.field)
        << c.what << ": " << status;
  }
}

}  // namespace
}  // namespace peerwatt::settlement
