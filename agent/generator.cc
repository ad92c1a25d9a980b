#include "agent/generator.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"
#include "agent/errors.h"
#include "agent/random.h"
#include "libs/base/error.h"

namespace peerwatt::agent {
namespace {

// Everything is made in slots of five minutes; longer intervals are means of their slots.
constexpr int64_t kSlotSeconds = 300;
constexpr int64_t kHourSeconds = 3600;
constexpr int64_t kDaySeconds = 86400;
constexpr double kHoursPerYear = 8760.0;

// Hourly means of a household, watts per 1000 kWh a year: a coarse rendering of the shape of the
// published German standard load profile H0 (VDEW 1999), by season and kind of day. The level is
// set by `ShapeMean`, so only the shape counts.
using DayShape = std::array<int, 24>;
struct Season {
  DayShape workday, saturday, sunday;
};
constexpr Season kWinter = {
    {55,  43,  39,  38,  40,  48,  83,  128, 131, 124, 121, 130,
     142, 130, 114, 108, 117, 151, 194, 205, 183, 156, 128, 86},
    {64,  50,  42,  40,  40,  41,  52,  80,  128, 161, 170, 171,
     178, 171, 154, 146, 152, 181, 216, 214, 177, 140, 124, 97},
    {74,  58,  46,  41,  40,  40,  43,  57,  95,  147, 179, 200,
     217, 186, 150, 130, 130, 155, 194, 205, 180, 150, 123, 86}};
constexpr Season kSummer = {
    {62,  50,  43,  41,  41,  46,  72,  101, 116, 120, 121, 133,
     150, 136, 118, 108, 107, 121, 141, 152, 147, 139, 138, 105},
    {72,  57,  48,  44,  43,  44,  55,  85,  127, 153, 160, 163,
     169, 158, 143, 136, 137, 149, 163, 161, 140, 126, 130, 105},
    {79,  63,  52,  45,  43,  42,  45,  64,  106, 153, 178, 194,
     207, 176, 142, 122, 118, 130, 147, 153, 144, 140, 137, 96}};
constexpr Season kTransition = {
    {57,  46,  41,  39,  40,  47,  79,  118, 124, 121, 119, 130,
     145, 131, 114, 106, 110, 134, 166, 181, 169, 150, 132, 94},
    {68,  53,  45,  42,  41,  42,  54,  83,  128, 157, 164, 166,
     173, 163, 147, 140, 143, 163, 187, 190, 162, 135, 127, 101},
    {76,  60,  49,  43,  41,  41,  44,  60,  100, 150, 178, 197,
     212, 180, 145, 125, 123, 141, 170, 180, 165, 146, 130, 91}};

// Central European Time without a zone database: summer time from the last Sunday of March to the
// last Sunday of October, both at 01:00 UTC (directive 2000/84/EC).
int64_t SecondsEastOfUtc(int64_t unix_seconds) {
  const auto last_sunday = [](absl::CivilYear year, int month) {
    const absl::CivilDay next(absl::CivilMonth(year.year(), month) + 1);
    const absl::CivilDay sunday = absl::PrevWeekday(next, absl::Weekday::sunday);
    return (sunday - absl::CivilDay(1970, 1, 1)) * kDaySeconds + kHourSeconds;
  };
  const auto year = absl::ToCivilYear(absl::FromUnixSeconds(unix_seconds), absl::UTCTimeZone());
  const bool summer =
      unix_seconds >= last_sunday(year, 3) && unix_seconds < last_sunday(year, 10);
  return summer ? 2 * kHourSeconds : kHourSeconds;
}

const Season& SeasonOf(absl::CivilDay day) {
  const int date = day.month() * 100 + day.day();
  if (date >= 1101 || date <= 320) return kWinter;
  return date >= 515 && date <= 914 ? kSummer : kTransition;
}

// The dynamisation of H0: a household draws more on a winter's day than on a summer's day.
// t: day of the year. Source: VDEW 1999, polynomial of degree four.
double Dynamisation(int day_of_year) {
  const double t = day_of_year;
  return (((-3.92e-10 * t + 3.20e-7) * t - 7.02e-5) * t + 2.10e-3) * t + 1.24;
}

// Shape and dynamisation at a local hour, in watts per 1000 kWh of an unscaled year.
double ShapeAt(absl::CivilHour hour) {
  const absl::CivilDay day(hour);
  const Season& season = SeasonOf(day);
  const absl::Weekday weekday = absl::GetWeekday(day);
  const DayShape& shape = weekday == absl::Weekday::saturday ? season.saturday
                          : weekday == absl::Weekday::sunday ? season.sunday
                                                             : season.workday;
  return shape[static_cast<size_t>(hour.hour())] * Dynamisation(absl::GetYearDay(day));
}

// The mean of the shape over a common year, so that a year of it sums up to what is asked.
double ShapeMean() {
  static const double mean = [] {
    double sum = 0;
    const absl::CivilHour end(2022, 1, 1);
    for (absl::CivilHour hour(2021, 1, 1); hour < end; ++hour) sum += ShapeAt(hour);
    return sum / kHoursPerYear;
  }();
  return mean;
}

// Streams of random numbers under one key.
enum Stream : uint64_t { kNoise = 1, kDayNoise, kShort, kShortSize, kLong, kLongSize, kCloud,
                         kCloudNoise, kSky };

double Random(uint64_t key, Stream stream, int64_t at) {
  return UnitOf(Mix(key, stream), static_cast<uint64_t>(at));
}

// Mean over the slots that the interval covers, in milliwatts.
template <typename SlotValue>
Power MeanOverSlots(const Interval& interval, double milliwatts_per_unit, SlotValue value) {
  const int64_t first = absl::ToUnixSeconds(interval.start) / kSlotSeconds;
  const int64_t count =
      std::max<int64_t>(absl::ToInt64Seconds(interval.length()) / kSlotSeconds, 1);
  double sum = 0;
  for (int64_t slot = first; slot < first + count; ++slot) sum += value(slot);
  const double mean = sum / static_cast<double>(count) * milliwatts_per_unit;
  return Power::Milliwatts(std::llround(std::max(mean, 0.0)));
}

constexpr double kPi = 3.14159265358979323846;
double Radians(double degrees) { return degrees * kPi / 180.0; }

// Power of one watt peak under a clear sky: a plane that faces south at 30°, 48° north, 11.5° east.
// Sources: declination after Cooper 1969; equation of time after Spencer 1971 (leading terms);
// global irradiance of a clear sky after Haurwitz 1945, of which a fifth is taken as diffuse.
double ClearSkyShare(int64_t unix_seconds) {
  const absl::Time time = absl::FromUnixSeconds(unix_seconds);
  const int day = absl::GetYearDay(absl::ToCivilDay(time, absl::UTCTimeZone()));
  const double declination = Radians(23.45) * std::sin(Radians(360.0 * (284 + day) / 365.0));
  const double b = Radians(360.0 * (day - 81) / 364.0);
  const double equation_minutes = 9.87 * std::sin(2 * b) - 7.53 * std::cos(b) - 1.5 * std::sin(b);
  const double solar_hours = static_cast<double>(unix_seconds % kDaySeconds) / kHourSeconds +
                             11.5 / 15.0 + equation_minutes / 60.0;
  const double hour_angle = Radians(15.0 * (solar_hours - 12.0));
  const auto incidence = [&](double latitude) {
    return std::sin(declination) * std::sin(latitude) +
           std::cos(declination) * std::cos(latitude) * std::cos(hour_angle);
  };
  const double height = incidence(Radians(48.0));
  if (height <= 0.01) return 0;
  const double horizontal = 1098.0 * height * std::exp(-0.057 / height);
  const double tilted = std::max(incidence(Radians(48.0 - 30.0)), 0.0);
  const double beam = 0.8 * horizontal * std::min(tilted / height, 4.0);
  constexpr double kPerformance = 0.86;  // inverter, temperature, wiring
  return std::min((beam + 0.2 * horizontal) / 1000.0 * kPerformance, 1.0);
}

}  // namespace

absl::StatusOr<std::unique_ptr<HouseholdSource>> HouseholdSource::New(uint64_t seed,
                                                                      const std::string& household,
                                                                      int64_t annual_kwh) {
  if (annual_kwh < 100 || annual_kwh > 100'000) {
    return Error(kSettingsInvalid, absl::StrCat("annual_kwh must be from 100 to 100000, not ",
                                                annual_kwh));
  }
  const double mean_w = static_cast<double>(annual_kwh) * 1000.0 / kHoursPerYear;
  return std::unique_ptr<HouseholdSource>(
      new HouseholdSource(KeyOf(seed, absl::StrCat("household ", household)), mean_w));
}

double HouseholdSource::SlotWatts(int64_t slot) const {
  const int64_t utc = slot * kSlotSeconds;
  const int64_t local = utc + SecondsEastOfUtc(utc);
  const auto hour = absl::ToCivilHour(absl::FromUnixSeconds(local), absl::UTCTimeZone());
  const double expected_w = mean_w_ * ShapeAt(hour) / ShapeMean();

  // The expected power is split into a base with noise and two kinds of appliances, each of which
  // has the expected power as its mean: kettle and oven (one slot), washing and drying (an hour).
  constexpr double kBaseShare = 0.55, kShortShare = 0.20, kLongShare = 0.25;
  constexpr double kShortW = 2000.0, kLongW = 1200.0;
  constexpr int kLongSlots = 12;
  const double noise = (0.75 + 0.5 * Random(key_, kNoise, slot)) *
                       (0.85 + 0.3 * Random(key_, kDayNoise, local / kDaySeconds));
  double watts = kBaseShare * expected_w * noise;
  if (Random(key_, kShort, slot) * kShortW < kShortShare * expected_w) {
    watts += kShortW * (0.5 + Random(key_, kShortSize, slot));
  }
  for (int64_t start = slot - kLongSlots + 1; start <= slot; ++start) {
    if (Random(key_, kLong, start) * kLongW * kLongSlots < kLongShare * expected_w) {
      watts += kLongW * (0.5 + Random(key_, kLongSize, start));
    }
  }
  return watts;
}

std::optional<Power> HouseholdSource::MeanPower(const Interval& interval) const {
  return MeanOverSlots(interval, 1000.0, [this](int64_t slot) { return SlotWatts(slot); });
}

absl::StatusOr<std::unique_ptr<PvSource>> PvSource::New(uint64_t seed,
                                                        const std::string& household,
                                                        int64_t peak_w) {
  if (peak_w < 1 || peak_w > 10'000'000) {
    return Error(kSettingsInvalid,
                 absl::StrCat("the size of a plant must be from 1 to 10000000 W, not ", peak_w));
  }
  return std::unique_ptr<PvSource>(new PvSource(
      KeyOf(seed, "sky"), KeyOf(seed, absl::StrCat("plant ", household)), peak_w));
}

double PvSource::SlotShare(int64_t slot) const {
  const int64_t utc = slot * kSlotSeconds;
  const double clear = ClearSkyShare(utc + kSlotSeconds / 2);
  if (clear <= 0) return 0;
  // A day's weather, then clouds that drift in and out within hours, then single clouds.
  const double sky = Random(sky_key_, kSky, utc / kDaySeconds);
  const int64_t hour = utc / kHourSeconds;
  const double part = static_cast<double>(utc % kHourSeconds) / kHourSeconds;
  const double drift = Random(sky_key_, kCloud, hour) * (1 - part) +
                       Random(sky_key_, kCloud, hour + 1) * part;
  const double single = Random(plant_key_, kCloudNoise, slot);
  double through = 0;
  if (sky < 0.25) {
    through = 0.92 + 0.06 * drift;  // clear
  } else if (sky < 0.55) {
    through = 0.30 + 0.45 * drift + 0.10 * single;  // broken clouds
  } else {
    through = 0.08 + 0.30 * drift + 0.05 * single;  // overcast
  }
  return clear * through;
}

std::optional<Power> PvSource::MeanPower(const Interval& interval) const {
  return MeanOverSlots(interval, static_cast<double>(peak_w_) * 1000.0,
                       [this](int64_t slot) { return SlotShare(slot); });
}

}  // namespace peerwatt::agent
