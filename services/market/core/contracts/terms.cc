#include "services/market/core/contracts/terms.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/domain/time_zone.h"
#include "services/market/core/contracts/calendar.h"
#include "services/market/core/contracts/mutant.h"
#include "services/market/core/errors.h"

namespace peerwatt::market {
namespace {

constexpr int32_t kMinutesOfDay = 24 * 60;
constexpr uint32_t kEveryWeekday = 0x7f;
constexpr int64_t kMillion = 1'000'000;

absl::Status CheckWindow(const ContractWindow& window, const std::string& path) {
  if (window.weekdays > kEveryWeekday ||
      (window.weekdays == 0 && !window.on_holidays && window.dates.empty())) {
    return FieldInvalid(path + ".days", "must name days, holidays or dates");
  }
  if (window.dates.size() > kContractDatesMax) {
    return FieldInvalid(path + ".dates", absl::StrCat("at most ", kContractDatesMax));
  }
  if (window.start_minute < 0 || window.end_minute <= window.start_minute ||
      window.end_minute > kMinutesOfDay) {
    return FieldInvalid(path + ".end_minute", "must lie after start_minute and be at most 1440");
  }
  const bool is_fixed = window.energy != Energy();
  const bool is_share = window.output_share_ppm != 0;
  if (is_fixed == is_share) {
    return FieldInvalid(path + ".energy_wh", "set either energy_wh or output_share_ppm");
  }
  if (is_fixed && (window.energy < Energy() || window.energy > kEnergyMax)) {
    return FieldInvalid(path + ".energy_wh", absl::StrCat("must be 1 to ", kEnergyMax.wh()));
  }
  if (is_share && (window.output_share_ppm < 0 || window.output_share_ppm > kMillion)) {
    return FieldInvalid(path + ".output_share_ppm", "must be 1 to 1000000");
  }
  return absl::OkStatus();
}

absl::Status CheckProfile(const ContractProfile& profile, const std::string& path) {
  if (!IanaTimeZone(profile.time_zone).has_value()) {
    return FieldInvalid(path + ".time_zone", "must be an IANA time zone such as Europe/Berlin");
  }
  if (profile.windows.empty() || profile.windows.size() > kContractWindowsMax) {
    return FieldInvalid(path + ".windows", absl::StrCat("must have 1 to ", kContractWindowsMax));
  }
  if (profile.holidays.size() > kContractDatesMax) {
    return FieldInvalid(path + ".holidays", absl::StrCat("at most ", kContractDatesMax));
  }
  for (size_t i = 0; i < profile.windows.size(); ++i) {
    PW_RETURN_IF_ERROR(CheckWindow(profile.windows[i], absl::StrCat(path, ".windows[", i, "]")));
  }
  return absl::OkStatus();
}

absl::Status CheckFormula(const PriceFormula& formula, const CommunityRules& rules,
                          const std::string& path) {
  if (formula.is_indexed && (formula.factor_ppm < 0 || formula.factor_ppm > kFactorPpmMax)) {
    return FieldInvalid(path + ".index.factor_ppm", absl::StrCat("must be 0 to ", kFactorPpmMax));
  }
  if (formula.floor.has_value() && formula.cap.has_value() && *formula.floor > *formula.cap) {
    return FieldInvalid(path + ".index.floor_per_kwh", "must not be above the cap");
  }
  if (BoundsOf(formula, BoundsOf(rules)).empty()) {
    const std::string low = FormatMicros(rules.price_min.micros_per_kwh());
    const std::string high = FormatMicros(rules.price_max.micros_per_kwh());
    return Error(kPriceOutOfRange,
                 absl::StrCat("the price must be between ", low, " and ", high, " per kWh"),
                 {{"price_min_per_kwh", low}, {"price_max_per_kwh", high}},
                 {{path, "out of range"}});
  }
  return absl::OkStatus();
}

}  // namespace

PriceBounds BoundsOf(const CommunityRules& rules) { return {rules.price_min, rules.price_max}; }

absl::Status CheckTerms(const ContractTerms& terms, const CommunityRules& rules,
                        const std::string& prefix) {
  if (terms.end <= terms.valid_from || terms.end - terms.valid_from > kTermMax) {
    return FieldInvalid(prefix + ".end_time", "must lie after the start, within 30 years");
  }
  PW_RETURN_IF_ERROR(CheckProfile(terms.profile, prefix + ".profile"));
  if (terms.cancellation.notice_days < 0 || terms.cancellation.notice_days > kNoticeDaysMax) {
    return FieldInvalid(prefix + ".cancellation.notice_days",
                        absl::StrCat("must be 0 to ", kNoticeDaysMax));
  }
  return CheckFormula(terms.price, rules, prefix + ".price");
}

absl::Time FirstOpenDelivery(const CommunityRules& rules, absl::Time now, absl::Time frozen) {
  const absl::Time closed = std::max(now + rules.gate_closure_lead, frozen);
  return FloorToGrid(closed, rules.interval) + rules.interval;
}

const ContractVersion* VersionInForce(const Contract& contract, absl::Time delivery_start,
                                      absl::Time gate_closure) {
  const ContractVersion* found = nullptr;
  for (const ContractVersion& version : contract.versions) {
    const bool in_time =
        PW_CONTRACT_MUTANT(kLateAcceptanceCounts, true, version.decide_time < gate_closure);
    const bool counts = version.state == VersionState::kAccepted && in_time &&
                        version.terms.valid_from <= delivery_start;
    if (version.version == 1 && (version.state != VersionState::kAccepted || !in_time)) {
      return nullptr;
    }
    if (counts && PW_CONTRACT_MUTANT(kOldestVersionCounts, found == nullptr, true)) {
      found = &version;
    }
  }
  const bool is_cancelled =
      contract.cancellation.has_value() && delivery_start >= contract.cancellation->effective;
  if (found == nullptr || PW_CONTRACT_MUTANT(kCancellationIsForgotten, false, is_cancelled)) {
    return nullptr;
  }
  const bool has_ended = PW_CONTRACT_MUTANT(kEndIsInclusive, delivery_start > found->terms.end,
                                            delivery_start >= found->terms.end);
  return has_ended ? nullptr : found;
}

const ContractVersion& VersionAt(const Contract& contract, absl::Time now) {
  const ContractVersion* found = &contract.offer();
  for (const ContractVersion& version : contract.versions) {
    if (version.state == VersionState::kAccepted && version.terms.valid_from <= now) {
      found = &version;
    }
  }
  return *found;
}

absl::Time EffectOf(const ContractTerms& terms, absl::Time notice_time) {
  const absl::TimeZone zone = ZoneOf(terms.profile);
  const absl::CivilSecond noticed = zone.At(notice_time).cs;
  const int32_t days = PW_CONTRACT_MUTANT(kNoticeIsForgotten, 0, terms.cancellation.notice_days);
  const absl::CivilDay day = absl::CivilDay(noticed) + days;
  // A time that the wall skips moves on by as much; one that it shows twice counts the first time.
  const absl::Time due =
      days == 0
          ? notice_time
          : absl::FromCivil(absl::CivilSecond(day.year(), day.month(), day.day(), noticed.hour(),
                                              noticed.minute(), noticed.second()),
                            zone);
  if (terms.cancellation.effect == CancellationEffect::kAfterNotice) {
    return due;
  }
  const absl::CivilDay last(zone.At(due).cs);
  const bool by_month = terms.cancellation.effect == CancellationEffect::kEndOfMonth;
  const absl::Time same =
      by_month ? absl::FromCivil(absl::CivilMonth(last), zone) : absl::FromCivil(last, zone);
  if (same == due) {
    return due;
  }
  return by_month ? absl::FromCivil(absl::CivilMonth(last) + 1, zone)
                  : absl::FromCivil(last + 1, zone);
}

absl::Time OverAt(const Contract& contract) {
  absl::Time over = contract.offer().terms.end;
  for (const ContractVersion& version : contract.versions) {
    if (version.state == VersionState::kAccepted) {
      over = version.terms.end;  // From where it is valid on, it replaces all before it.
    }
  }
  return contract.cancellation.has_value() ? std::min(over, contract.cancellation->effective)
                                           : over;
}

}  // namespace peerwatt::market
