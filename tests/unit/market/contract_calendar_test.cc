// When a contract delivers how much: tables of local days and hours.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "services/market/core/contracts/calendar.h"

namespace peerwatt::market {
namespace {

constexpr uint32_t kWorkdays = 0b0011111;
constexpr uint32_t kWeekend = 0b1100000;
constexpr uint32_t kEveryDay = 0b1111111;

ContractWindow Window(uint32_t weekdays, int32_t start_hour, int32_t end_hour, int64_t wh) {
  ContractWindow window;
  window.weekdays = weekdays;
  window.start_minute = start_hour * 60;
  window.end_minute = end_hour * 60;
  window.energy = Energy::WattHours(wh);
  return window;
}

absl::Time Utc(const std::string& text) {
  absl::Time time;
  std::string error;
  EXPECT_TRUE(absl::ParseTime("%Y-%m-%d %H:%M", text, &time, &error)) << text << error;
  return time;
}

// Energy of the interval that starts then, 0 outside of all windows.
int64_t EnergyAt(const ContractProfile& profile, const std::string& utc) {
  const ContractWindow* window = WindowAt(profile, Utc(utc));
  return window == nullptr ? 0 : window->energy.wh();
}

// Energy of all intervals of 15 minutes of a local day in Berlin.
int64_t EnergyOfDay(const ContractProfile& profile, absl::CivilDay day) {
  absl::TimeZone berlin;
  EXPECT_TRUE(absl::LoadTimeZone("Europe/Berlin", &berlin));
  int64_t wh = 0;
  for (absl::Time start = absl::FromCivil(day, berlin); start < absl::FromCivil(day + 1, berlin);
       start += absl::Minutes(15)) {
    const ContractWindow* window = WindowAt(profile, start);
    wh += window == nullptr ? 0 : window->energy.wh();
  }
  return wh;
}

TEST(ContractCalendarTest, DeliversByWeekdayHourAndHoliday) {
  ContractProfile profile;
  profile.time_zone = "Europe/Berlin";
  profile.holidays = {absl::CivilDay(2026, 12, 25)};  // A Friday.
  profile.windows = {Window(kWorkdays, 8, 20, 500), Window(kWeekend, 10, 16, 200)};
  profile.windows[1].on_holidays = true;
  profile.windows.push_back(Window(0, 0, 24, 50));
  profile.windows[2].dates = {absl::CivilDay(2026, 12, 31)};  // A Thursday.
  const struct {
    const char* what;
    const char* utc;
    int64_t wh;
  } kTable[] = {
      {"winter, Monday 07:45 in Berlin", "2026-01-12 06:45", 0},
      {"winter, Monday 08:00", "2026-01-12 07:00", 500},
      {"winter, Monday 19:45", "2026-01-12 18:45", 500},
      {"winter, Monday 20:00: the end is exclusive", "2026-01-12 19:00", 0},
      {"summer, Monday 08:00", "2026-07-13 06:00", 500},
      {"summer, Monday 07:45", "2026-07-13 05:45", 0},
      {"Saturday 10:00", "2026-01-17 09:00", 200},
      {"Saturday 08:00", "2026-01-17 07:00", 0},
      {"Sunday 15:45", "2026-01-18 14:45", 200},
      {"Friday that is a holiday, 08:00: no workday", "2026-12-25 07:00", 0},
      {"Friday that is a holiday, 10:00", "2026-12-25 09:00", 200},
      {"the Friday after, 10:00", "2027-01-01 09:00", 500},
      {"a date, 00:00", "2026-12-30 23:00", 50},
      {"a date, 12:00: the first window wins", "2026-12-31 11:00", 500},
      {"a date, 23:45", "2026-12-31 22:45", 50},
      {"the day after, 00:00", "2026-12-31 23:00", 0},
  };
  for (const auto& row : kTable) {
    EXPECT_EQ(EnergyAt(profile, row.utc), row.wh) << row.what;
  }
}

TEST(ContractCalendarTest, CountsTheHoursThatAClockOnTheWallShows) {
  ContractProfile profile;
  profile.time_zone = "Europe/Berlin";
  profile.windows = {Window(kEveryDay, 2, 3, 100)};
  // 29 March 2026: after 01:59 comes 03:00. 25 October: 02:00 to 02:59 twice.
  EXPECT_EQ(EnergyOfDay(profile, absl::CivilDay(2026, 3, 28)), 400);
  EXPECT_EQ(EnergyOfDay(profile, absl::CivilDay(2026, 3, 29)), 0);
  EXPECT_EQ(EnergyOfDay(profile, absl::CivilDay(2026, 10, 25)), 800);
  EXPECT_EQ(EnergyOfDay(profile, absl::CivilDay(2026, 10, 26)), 400);
  EXPECT_EQ(EnergyAt(profile, "2026-10-25 00:00"), 100) << "02:00 in summer time";
  EXPECT_EQ(EnergyAt(profile, "2026-10-25 01:45"), 100) << "02:45 in winter time";
  EXPECT_EQ(EnergyAt(profile, "2026-10-25 02:00"), 0) << "03:00";

  profile.windows = {Window(kEveryDay, 0, 24, 100)};
  EXPECT_EQ(EnergyOfDay(profile, absl::CivilDay(2026, 3, 29)), 92 * 100) << "23 hours";
  EXPECT_EQ(EnergyOfDay(profile, absl::CivilDay(2026, 3, 30)), 96 * 100);
  EXPECT_EQ(EnergyOfDay(profile, absl::CivilDay(2026, 10, 25)), 100 * 100) << "25 hours";

  profile.windows = {Window(kEveryDay, 6, 22, 100)};
  EXPECT_EQ(EnergyOfDay(profile, absl::CivilDay(2026, 3, 29)), 64 * 100) << "by day as always";
  EXPECT_EQ(EnergyOfDay(profile, absl::CivilDay(2026, 10, 25)), 64 * 100);
}

TEST(ContractCalendarTest, FollowsTheZoneThatIsNamed) {
  ContractProfile profile;
  profile.windows = {Window(kEveryDay, 8, 9, 100)};
  const struct {
    const char* zone;
    const char* utc;
  } kEight[] = {{"UTC", "2026-07-13 08:00"},
                {"Europe/Lisbon", "2026-07-13 07:00"},
                {"America/New_York", "2026-07-13 12:00"},
                {"Asia/Kolkata", "2026-07-13 02:30"},
                {"Australia/Lord_Howe", "2026-01-12 21:00"}};
  for (const auto& row : kEight) {
    profile.time_zone = row.zone;
    EXPECT_EQ(EnergyAt(profile, row.utc), 100) << row.zone;
  }
}

TEST(ContractCalendarTest, ASharesOutputIsRoundedDown) {
  const auto share = [](int64_t wh, int64_t ppm) {
    return ShareOf(Energy::WattHours(wh), ppm).wh();
  };
  EXPECT_EQ(share(1'000, 500'000), 500);
  EXPECT_EQ(share(999, 500'000), 499);
  EXPECT_EQ(share(1, 999'999), 0);
  EXPECT_EQ(share(777, 1'000'000), 777);
  EXPECT_EQ(share(0, 1'000'000), 0);
}

}  // namespace
}  // namespace peerwatt::market
