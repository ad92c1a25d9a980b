#include "libs/domain/local_window.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "libs/base/error.h"

namespace peerwatt {
namespace {

constexpr uint32_t kWorkdays = 0x1F;
constexpr uint32_t kWeekend = 0x60;

TEST(LocalWindow, HoldsOnItsDaysFromItsStartUntilItsEnd) {
  const LocalWindow peak{kWorkdays, 8 * 60, 20 * 60, std::nullopt};
  struct Case {
    const char* what;
    absl::CivilMinute local;
    bool holds;
  };
  const Case cases[] = {
      {"Friday, the minute before", absl::CivilMinute(2026, 7, 3, 7, 59), false},
      {"Friday, the first minute", absl::CivilMinute(2026, 7, 3, 8, 0), true},
      {"Friday, the last minute", absl::CivilMinute(2026, 7, 3, 19, 59), true},
      {"Friday, the minute after", absl::CivilMinute(2026, 7, 3, 20, 0), false},
      {"Saturday", absl::CivilMinute(2026, 7, 4, 12, 0), false},
      {"Sunday", absl::CivilMinute(2026, 7, 5, 12, 0), false},
      {"Monday", absl::CivilMinute(2026, 7, 6, 12, 0), true},
  };
  for (const Case& c : cases) EXPECT_EQ(Contains(peak, c.local), c.holds) << c.what;
}

TEST(LocalWindow, HoldsInItsSeasonOverTheTurnOfTheYear) {
  const Season winter{{10, 1}, {3, 31}};
  const Season summer{{4, 1}, {9, 30}};
  const Season february{{2, 1}, {2, 29}};
  struct Case {
    YearDay day;
    bool in_winter;
    bool in_february;
  };
  const Case cases[] = {{{9, 30}, false, false}, {{10, 1}, true, false}, {{12, 31}, true, false},
                        {{1, 1}, true, false},   {{2, 28}, true, true},  {{2, 29}, true, true},
                        {{3, 1}, true, false},   {{3, 31}, true, false}, {{4, 1}, false, false}};
  for (const Case& c : cases) {
    EXPECT_EQ(Contains(winter, c.day), c.in_winter) << YearDayText(c.day);
    EXPECT_EQ(Contains(summer, c.day), !c.in_winter) << YearDayText(c.day);
    EXPECT_EQ(Contains(february, c.day), c.in_february) << YearDayText(c.day);
  }
}

TEST(LocalWindow, OverlapsWhereAMinuteIsInBoth) {
  const LocalWindow always;
  const LocalWindow morning{kAllWeekdays, 0, 6 * 60, std::nullopt};
  const LocalWindow day{kAllWeekdays, 6 * 60, 22 * 60, std::nullopt};
  const LocalWindow workdays{kWorkdays, 0, kMinutesOfDay, std::nullopt};
  const LocalWindow weekend{kWeekend, 0, kMinutesOfDay, std::nullopt};
  const LocalWindow winter{kAllWeekdays, 0, kMinutesOfDay, Season{{10, 1}, {3, 31}}};
  const LocalWindow summer{kAllWeekdays, 0, kMinutesOfDay, Season{{4, 1}, {9, 30}}};
  const LocalWindow easter{kAllWeekdays, 0, kMinutesOfDay, Season{{3, 15}, {4, 15}}};
  struct Case {
    const char* what;
    LocalWindow a;
    LocalWindow b;
    bool overlap;
  };
  const Case cases[] = {
      {"the same", always, always, true},
      {"one after the other", morning, day, false},
      {"a day's part and the weekend", morning, weekend, true},
      {"workdays and the weekend", workdays, weekend, false},
      {"winter and summer", winter, summer, false},
      {"winter and easter", winter, easter, true},
      {"summer and easter", summer, easter, true},
      {"winter and itself", winter, winter, true},
      {"a season and the whole year", winter, morning, true},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(Overlap(c.a, c.b), c.overlap) << c.what;
    EXPECT_EQ(Overlap(c.b, c.a), c.overlap) << c.what << ", turned";
  }
}

TEST(LocalWindow, TextsHaveOneForm) {
  for (const char* text : {"00:00", "06:05", "23:59", "24:00"}) {
    const auto minute = MinuteOfDayFrom(text, "f");
    ASSERT_TRUE(minute.ok()) << text;
    EXPECT_EQ(MinuteOfDayText(*minute), text);
  }
  for (const char* text :
       {"", "6:00", "06:60", "24:01", "25:00", "06-00", "06:0x", "-1:00", "+1:00"}) {
    EXPECT_EQ(ReasonOf(MinuteOfDayFrom(text, "f").status()), "FIELD_INVALID") << text;
  }
  for (const char* text : {"01-01", "02-29", "12-31"}) {
    const auto day = YearDayFrom(text, "f");
    ASSERT_TRUE(day.ok()) << text;
    EXPECT_EQ(YearDayText(*day), text);
  }
  for (const char* text : {"", "1-1", "00-01", "13-01", "02-30", "04-31", "01-00", "01:01"}) {
    EXPECT_EQ(ReasonOf(YearDayFrom(text, "f").status()), "FIELD_INVALID") << text;
  }
}

}  // namespace
}  // namespace peerwatt
