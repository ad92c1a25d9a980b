#include "services/registry/core/communities.h"

#include "absl/strings/str_cat.h"
#include "libs/base/error.h"
#include "libs/base/ids.h"
#include "libs/base/status_macros.h"
#include "libs/domain/interval.h"
#include "libs/domain/time_zone.h"
#include "services/registry/core/text.h"

namespace peerwatt::registry {
namespace {

constexpr int kDisplayNameMax = 63;
constexpr int kSourceMax = 200;
constexpr int32_t kCo2Max = 2000;
constexpr int64_t kPpmMax = 1'000'000;
// A year is more than any market plans ahead, and keeps sums of times in range.
constexpr absl::Duration kLeadMax = absl::Hours(24 * 366);

absl::Status CheckLead(absl::Duration lead, absl::Duration interval, absl::string_view field) {
  if (lead < absl::ZeroDuration() || lead > kLeadMax ||
      lead % interval != absl::ZeroDuration()) {
    return FieldInvalid(field, "must be a multiple of the interval from 0 to 366 days");
  }
  return absl::OkStatus();
}

absl::Status CheckTimes(const Community& c) {
  if (!IsIntervalLength(c.interval)) {
    return FieldInvalid("community.interval", "must be 5, 15, 30 or 60 minutes");
  }
  if (!IsOnGrid(c.trading_starts_at, c.interval)) {
    return FieldInvalid("community.trading_start_time", "must be a multiple of the interval");
  }
  PW_RETURN_IF_ERROR(CheckLead(c.opening_lead, c.interval, "community.opening_lead"));
  PW_RETURN_IF_ERROR(CheckLead(c.gate_closure_lead, c.interval, "community.gate_closure_lead"));
  if (c.opening_lead <= c.gate_closure_lead) {
    return FieldInvalid("community.opening_lead", "must be longer than gate_closure_lead");
  }
  if (c.settlement_grace < absl::ZeroDuration() || c.settlement_grace > kLeadMax ||
      c.settlement_grace % absl::Seconds(1) != absl::ZeroDuration()) {
    return FieldInvalid("community.settlement_grace", "must be whole seconds from 0 to 366 days");
  }
  return absl::OkStatus();
}

absl::Status CheckEmissionFactor(const EmissionFactor& factor) {
  if (factor.co2_g_per_kwh < 0 || factor.co2_g_per_kwh > kCo2Max) {
    return FieldInvalid("community.emission_factor.co2_g_per_kwh", "must be from 0 to 2000");
  }
  return CheckText(factor.source, 1, kSourceMax, "community.emission_factor.source");
}

absl::Status CheckPrices(const Community& c) {
  if (c.network_fee < Price()) {
    return FieldInvalid("community.network_fee_per_kwh", "must not be negative");
  }
  if (c.operator_share_ppm < 0 || c.operator_share_ppm > kPpmMax) {
    return FieldInvalid("community.operator_share_ppm", "must be 0 to 1000000");
  }
  if (c.price_min > c.price_max) {
    return FieldInvalid("community.price_max_per_kwh", "must not be below price_min_per_kwh");
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckCommunity(const Community& c) {
  if (!IsResourceId(c.id.value())) {
    return FieldInvalid("community_id", "must match [a-z][a-z0-9-]{0,61}[a-z0-9]");
  }
  PW_RETURN_IF_ERROR(CheckText(c.display_name, 1, kDisplayNameMax, "community.display_name"));
  if (!IanaTimeZone(c.time_zone).has_value()) {
    return FieldInvalid("community.time_zone", "must be an IANA time zone");
  }
  if (!IsCurrencyCode(c.currency_code)) {
    return FieldInvalid("community.currency_code", "must be an ISO 4217 code");
  }
  PW_RETURN_IF_ERROR(CheckTimes(c));
  PW_RETURN_IF_ERROR(CheckPrices(c));
  return c.emission_factor.has_value() ? CheckEmissionFactor(*c.emission_factor) : absl::OkStatus();
}

bool SameContent(const Community& a, const Community& b) {
  return a.id == b.id && a.display_name == b.display_name && a.time_zone == b.time_zone &&
         a.currency_code == b.currency_code && a.interval == b.interval &&
         a.trading_starts_at == b.trading_starts_at && a.opening_lead == b.opening_lead &&
         a.gate_closure_lead == b.gate_closure_lead && a.settlement_grace == b.settlement_grace &&
         a.network_fee == b.network_fee && a.operator_share_ppm == b.operator_share_ppm &&
         a.price_min == b.price_min && a.price_max == b.price_max &&
         a.signed_readings_required == b.signed_readings_required &&
         a.emission_factor == b.emission_factor;
}

absl::Status CheckTariff(const Tariff& tariff, const Community& community) {
  if (!IsResourceId(tariff.id.value())) {
    return FieldInvalid("tariff_id", "must match [a-z][a-z0-9-]{0,61}[a-z0-9]");
  }
  if (!IsOnGrid(tariff.starts_at, community.interval)) {
    return FieldInvalid("tariff.start_time", "must be a multiple of the community's interval");
  }
  return absl::OkStatus();
}

}  // namespace peerwatt::registry
