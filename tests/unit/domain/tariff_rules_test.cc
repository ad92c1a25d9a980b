#include "libs/domain/tariff_rules.h"

#include <gtest/gtest.h>

namespace peerwatt {
namespace {

absl::TimeZone Zone(const char* name) {
  absl::TimeZone zone;
  EXPECT_TRUE(absl::LoadTimeZone(name, &zone)) << name;
  return zone;
}

absl::Time Utc(int month, int day, int hour, int minute) {
  return absl::FromCivil(absl::CivilMinute(2026, month, day, hour, minute), absl::UTCTimeZone());
}

// Night 0.20 from 22:00 to 06:00, noon -0.05 from 11:00 to 14:00 at weekends, else 0.30.
EnergyPrices DayAndNight() {
  EnergyPrices prices;
  prices.default_price = Price::MicrosPerKwh(300'000);
  prices.prices = {
      {"night",
       Price::MicrosPerKwh(200'000),
       {{kAllWeekdays, 0, 6 * 60, std::nullopt},
        {kAllWeekdays, 22 * 60, kMinutesOfDay, std::nullopt}}},
      {"noon", Price::MicrosPerKwh(-50'000), {{0x60, 11 * 60, 14 * 60, std::nullopt}}, false}};
  return prices;
}

TEST(PriceAt, IsThatOfTheWindowElseTheDefault) {
  struct Case {
    const char* what;
    absl::CivilMinute local;
    PriceInForce price;
  };
  const PriceInForce night{Price::MicrosPerKwh(200'000), true, "night"};
  const PriceInForce noon{Price::MicrosPerKwh(-50'000), false, "noon"};
  const PriceInForce other{Price::MicrosPerKwh(300'000), true, ""};
  const Case cases[] = {
      {"Friday morning", absl::CivilMinute(2026, 7, 3, 5, 45), night},
      {"Friday, six", absl::CivilMinute(2026, 7, 3, 6, 0), other},
      {"Friday noon", absl::CivilMinute(2026, 7, 3, 12, 0), other},
      {"Friday, ten", absl::CivilMinute(2026, 7, 3, 22, 0), night},
      {"Saturday noon", absl::CivilMinute(2026, 7, 4, 12, 0), noon},
      {"Sunday, two", absl::CivilMinute(2026, 7, 5, 14, 0), other},
      {"Sunday, eleven", absl::CivilMinute(2026, 7, 5, 11, 0), noon},
  };
  for (const Case& c : cases) EXPECT_EQ(PriceAt(DayAndNight(), c.local), c.price) << c.what;
}

TEST(PriceAt, IsMissingWithoutWindowAndDefault) {
  EnergyPrices prices = DayAndNight();
  prices.default_price.reset();
  EXPECT_EQ(PriceAt(prices, absl::CivilMinute(2026, 7, 3, 12, 0)), std::nullopt);
  EXPECT_TRUE(PriceAt(prices, absl::CivilMinute(2026, 7, 3, 23, 0)).has_value());
  EXPECT_EQ(PriceAt(EnergyPrices(), absl::CivilMinute(2026, 7, 3, 12, 0)), std::nullopt);
}

// In Berlin 02:00 to 03:00 is skipped on 29 March 2026 and comes twice on 25 October.
TEST(PriceAt, FollowsTheClockOnTheWallOverItsChanges) {
  const absl::TimeZone berlin = Zone("Europe/Berlin");
  EnergyPrices prices;
  prices.prices = {{"two", Price::MicrosPerKwh(1), {{kAllWeekdays, 120, 180, std::nullopt}}}};
  const auto quarters_priced = [&](int month, int day) {
    int count = 0;
    for (absl::Time at = Utc(month, day - 1, 12, 0); at < Utc(month, day + 1, 12, 0);
         at += absl::Minutes(15)) {
      const absl::CivilMinute local = absl::ToCivilMinute(at, berlin);
      if (local.day() == day && PriceAt(prices, local).has_value()) ++count;
    }
    return count;
  };
  EXPECT_EQ(quarters_priced(3, 28), 4);
  EXPECT_EQ(quarters_priced(3, 29), 0) << "the hour does not exist";
  EXPECT_EQ(quarters_priced(10, 24), 4);
  EXPECT_EQ(quarters_priced(10, 25), 8) << "the hour comes twice";
}

TEST(DayStart, IsTheFirstMidnightOrTheEndOfItsGap) {
  struct Case {
    const char* zone;
    absl::CivilDay day;
    const char* utc;
  };
  const Case cases[] = {
      {"Europe/Berlin", absl::CivilDay(2026, 3, 29), "2026-03-28T23:00:00Z"},
      {"Europe/Berlin", absl::CivilDay(2026, 3, 30), "2026-03-29T22:00:00Z"},
      {"Europe/Berlin", absl::CivilDay(2026, 10, 25), "2026-10-24T22:00:00Z"},
      {"Europe/Berlin", absl::CivilDay(2026, 10, 26), "2026-10-25T23:00:00Z"},
      // Midnight is skipped on 6 September 2026, and comes twice on 1 November.
      {"America/Santiago", absl::CivilDay(2026, 9, 6), "2026-09-06T04:00:00Z"},
      {"America/Havana", absl::CivilDay(2026, 11, 1), "2026-11-01T04:00:00Z"},
      {"Asia/Kathmandu", absl::CivilDay(2026, 7, 1), "2026-06-30T18:15:00Z"},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(absl::FormatTime("%Y-%m-%d%ET%H:%M:%SZ", DayStart(c.day, Zone(c.zone)),
                               absl::UTCTimeZone()),
              c.utc)
        << c.zone;
  }
}

TEST(DayPrice, IsTheMonthPriceByItsDaysWithSixDecimals) {
  struct Case {
    int64_t month_micros;
    int days;
    int64_t day_micros;
  };
  const Case cases[] = {{908'602, 3, 302'867},
                        {10'000'000, 31, 322'581},
                        {10'000'000, 30, 333'333},
                        {10'000'000, 28, 357'143},
                        {-10'000'000, 28, -357'143},
                        {15, 30, 1},
                        {-15, 30, -1},
                        {14, 30, 0},
                        {0, 31, 0}};
  for (const Case& c : cases) {
    EXPECT_EQ(DayPrice(Money::Micros(c.month_micros), c.days), Money::Micros(c.day_micros))
        << c.month_micros << " by " << c.days;
  }
}

}  // namespace
}  // namespace peerwatt
