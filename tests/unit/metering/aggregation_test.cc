#include "services/metering/core/aggregation.h"

#include <gtest/gtest.h>

namespace peerwatt::metering {
namespace {

absl::TimeZone Berlin() {
  absl::TimeZone zone;
  EXPECT_TRUE(absl::LoadTimeZone("Europe/Berlin", &zone));
  return zone;
}

absl::Time Utc(int year, int month, int day, int hour = 0) {
  return absl::FromCivil(absl::CivilHour(year, month, day, hour), absl::UTCTimeZone());
}

/// One reading per quarter of an hour in the span, each of 1 Wh in and 2 Wh out.
std::vector<Bucket> SumsOf(Interval span, Step step, absl::TimeZone zone) {
  Aggregation aggregation(span, step, zone);
  for (absl::Time start = span.start; start < span.end; start += absl::Minutes(15)) {
    aggregation.Add({.start = start,
                     .imported = Energy::WattHours(1),
                     .exported = Energy::WattHours(2),
                     .quality = Quality::kMeasured,
                     .revision = 1,
                     .created_at = start});
  }
  return aggregation.buckets();
}

TEST(AggregationTest, SumsTheWholeSpan) {
  const Interval span{Utc(2026, 1, 1), Utc(2026, 1, 2)};
  const auto sums = SumsOf(span, Step::kTotal, absl::UTCTimeZone());
  ASSERT_EQ(sums.size(), 1u);
  EXPECT_EQ(sums[0].span, span);
  EXPECT_EQ(sums[0].imported, Energy::WattHours(96));
  EXPECT_EQ(sums[0].exported, Energy::WattHours(192));
  EXPECT_EQ(sums[0].reading_count, 96);
}

TEST(AggregationTest, LocalDaysHave23And25HoursWhenTheClocksChange) {
  // Clocks in Berlin: 2026-03-29 02:00 -> 03:00 and 2026-10-25 03:00 -> 02:00.
  const auto spring =
      SumsOf({Utc(2026, 3, 27, 23), Utc(2026, 3, 30, 22)}, Step::kDay, Berlin());
  ASSERT_EQ(spring.size(), 3u);
  EXPECT_EQ(spring[0].reading_count, 96);
  EXPECT_EQ(spring[1].reading_count, 92);
  EXPECT_EQ(spring[1].span, (Interval{Utc(2026, 3, 28, 23), Utc(2026, 3, 29, 22)}));
  EXPECT_EQ(spring[2].reading_count, 96);
  const auto autumn =
      SumsOf({Utc(2026, 10, 24, 22), Utc(2026, 10, 25, 23)}, Step::kDay, Berlin());
  ASSERT_EQ(autumn.size(), 1u);
  EXPECT_EQ(autumn[0].reading_count, 100);
}

TEST(AggregationTest, DayWithoutMidnightStartsAtTheChange) {
  // Clocks in Beirut: 2021-03-28 00:00 -> 01:00, which is 22:00 UTC on the 27th.
  absl::TimeZone beirut;
  ASSERT_TRUE(absl::LoadTimeZone("Asia/Beirut", &beirut));
  const Interval day = BucketAround(Utc(2021, 3, 28, 6), {Utc(2021, 3, 1), Utc(2021, 4, 1)},
                                    Step::kDay, beirut);
  EXPECT_EQ(day, (Interval{Utc(2021, 3, 27, 22), Utc(2021, 3, 28, 21)}));
}

TEST(AggregationTest, LocalMonthsMeetWithoutGapOrOverlap) {
  const auto months =
      SumsOf({Utc(2025, 12, 31, 23), Utc(2026, 12, 31, 23)}, Step::kMonth, Berlin());
  ASSERT_EQ(months.size(), 12u);
  int64_t count = 0;
  for (size_t i = 0; i < months.size(); ++i) {
    count += months[i].reading_count;
    EXPECT_EQ(months[i].imported, Energy::WattHours(months[i].reading_count));
    if (i > 0) {
      EXPECT_EQ(months[i].span.start, months[i - 1].span.end);
    }
  }
  EXPECT_EQ(count, 365 * 96);
  EXPECT_EQ(months[2].reading_count, 31 * 96 - 4) << "March loses an hour";
}

TEST(AggregationTest, BucketsAtTheEndsAreCutToTheSpan) {
  const Interval span{Utc(2026, 1, 1, 6), Utc(2026, 1, 2, 6)};
  const auto days = SumsOf(span, Step::kDay, absl::UTCTimeZone());
  ASSERT_EQ(days.size(), 2u);
  EXPECT_EQ(days[0].span, (Interval{span.start, Utc(2026, 1, 2)}));
  EXPECT_EQ(days[1].span, (Interval{Utc(2026, 1, 2), span.end}));
}

TEST(AggregationTest, LeavesOutHoursWithoutReadings) {
  Aggregation aggregation({Utc(2026, 1, 1), Utc(2026, 1, 2)}, Step::kHour, absl::UTCTimeZone());
  Reading reading{.start = Utc(2026, 1, 1, 3),
                  .imported = Energy::WattHours(1),
                  .exported = Energy(),
                  .quality = Quality::kMeasured,
                  .revision = 1,
                  .created_at = absl::UnixEpoch()};
  aggregation.Add(reading);
  reading.start = Utc(2026, 1, 1, 9);
  aggregation.Add(reading);
  ASSERT_EQ(aggregation.buckets().size(), 2u);
  EXPECT_EQ(aggregation.buckets()[0].span, (Interval{Utc(2026, 1, 1, 3), Utc(2026, 1, 1, 4)}));
  EXPECT_EQ(aggregation.buckets()[1].span, (Interval{Utc(2026, 1, 1, 9), Utc(2026, 1, 1, 10)}));
}

TEST(AggregationTest, WeakestQualityWins) {
  const absl::Time start = Utc(2026, 1, 1);
  for (const auto& [qualities, expected] :
       std::vector<std::pair<std::vector<Quality>, Quality>>{
           {{Quality::kMeasured, Quality::kMeasured}, Quality::kMeasured},
           {{Quality::kCalculated, Quality::kMeasured}, Quality::kCalculated},
           {{Quality::kMeasured, Quality::kEstimated, Quality::kCalculated},
            Quality::kEstimated}}) {
    Aggregation aggregation({start, start + absl::Hours(1)}, Step::kTotal, absl::UTCTimeZone());
    for (const Quality quality : qualities) {
      aggregation.Add({start, Energy(), Energy(), quality, 1, start});
    }
    EXPECT_EQ(aggregation.buckets()[0].quality, expected);
  }
}

}  // namespace
}  // namespace peerwatt::metering
