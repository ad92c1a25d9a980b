#include "services/market/core/contracts/calendar.h"

#include <algorithm>

#include "libs/base/check.h"
#include "services/market/core/contracts/mutant.h"

namespace peerwatt::market {
namespace {

absl::CivilSecond LocalTime(const absl::TimeZone& zone, absl::Time time) {
  const absl::CivilSecond local = zone.At(time).cs;
  return PW_CONTRACT_MUTANT(
      kDaylightSavingIsIgnored,
      absl::ToCivilSecond(
          time + absl::Seconds(zone.At(absl::FromCivil(absl::CivilYear(local), zone)).offset),
          absl::UTCTimeZone()),
      local);
}

bool Has(const std::vector<absl::CivilDay>& days, absl::CivilDay day) {
  return std::find(days.begin(), days.end(), day) != days.end();
}

bool IsOn(const ContractWindow& window, absl::CivilDay day, bool is_holiday) {
  if (Has(window.dates, day)) {
    return true;
  }
  if (PW_CONTRACT_MUTANT(kHolidaysAreWeekdays, false, is_holiday)) {
    return window.on_holidays;
  }
  const auto weekday = static_cast<uint32_t>(absl::GetWeekday(day));
  return (window.weekdays >> weekday & 1U) != 0;
}

}  // namespace

absl::TimeZone ZoneOf(const ContractProfile& profile) {
  absl::TimeZone zone;
  PW_CHECK(absl::LoadTimeZone(profile.time_zone, &zone), "the time zone of terms is unknown");
  return zone;
}

const ContractWindow* WindowAt(const ContractProfile& profile, absl::Time start) {
  const absl::CivilSecond local = LocalTime(ZoneOf(profile), start);
  const absl::CivilDay day(local);
  const bool is_holiday = Has(profile.holidays, day);
  const int32_t minute = local.hour() * 60 + local.minute();
  const ContractWindow* found = nullptr;
  for (const ContractWindow& window : profile.windows) {
    const bool is_before_end = PW_CONTRACT_MUTANT(
        kWindowEndIsInclusive, minute <= window.end_minute, minute < window.end_minute);
    if (minute < window.start_minute || !is_before_end || !IsOn(window, day, is_holiday)) {
      continue;
    }
    found = &window;
    if (PW_CONTRACT_MUTANT(kLastWindowWins, false, true)) {
      break;
    }
  }
  return found;
}

Energy ShareOf(Energy output, int64_t share_ppm) {
  return Energy::WattHours(
      MulDiv(output.wh(), share_ppm, 1'000'000,
             PW_CONTRACT_MUTANT(kShareIsRoundedUp, Rounding::kUp, Rounding::kDown)));
}

}  // namespace peerwatt::market
