#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/check.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/codec.h"
#include "services/market/core/autopilot/calendar.h"
#include "services/market/core/preference.h"
#include "services/market/rpc/codec.h"

namespace peerwatt::market {
namespace {

using ProtoSide = v1::StandingOrder::Side;
using ProtoCalendar = v1::StandingOrder::Calendar;

absl::StatusOr<std::optional<Price>> OptionalPrice(bool is_set, const google::type::Money& proto,
                                                   const std::string& currency,
                                                   absl::string_view field) {
  if (!is_set) {
    return std::optional<Price>();
  }
  PW_ASSIGN_OR_RETURN(const Price price, rpc::PriceFrom(proto, currency, field));
  return std::optional(price);
}

// The preferences of one side, as those of an order.
absl::StatusOr<Order> PreferencesFrom(const ProtoSide& side, const std::string& currency) {
  v1::Order as_order;
  *as_order.mutable_requirements() = side.requirements();
  if (side.has_premium()) {
    *as_order.mutable_premium() = side.premium();
  }
  Order order;
  PW_RETURN_IF_ERROR(ReadPreference(as_order, currency, order));
  return order;
}

absl::Status ReadBids(const ProtoSide& side, const std::string& currency, AutopilotTerms& terms) {
  terms.bid_share_ppm = side.has_share_ppm() ? side.share_ppm() : terms.bid_share_ppm;
  terms.bid_reserve = Energy::WattHours(side.reserve_wh());
  PW_ASSIGN_OR_RETURN(terms.bid_start_price,
                      OptionalPrice(side.has_start_price_per_kwh(), side.start_price_per_kwh(),
                                    currency, "standing_order.bids.start_price_per_kwh"));
  PW_ASSIGN_OR_RETURN(const Order preferences, PreferencesFrom(side, currency));
  terms.bid_preference = preferences.preference;
  terms.premium = preferences.premium;
  return absl::OkStatus();
}

absl::Status ReadOffers(const ProtoSide& side, const std::string& currency,
                        AutopilotTerms& terms) {
  if (side.has_premium()) {
    return FieldInvalid("standing_order.offers.premium", "only bids pay a premium");
  }
  for (const v1::Order::Requirement& requirement : side.requirements()) {
    if (requirement.energy_sources_size() > 0) {
      return FieldInvalid("standing_order.offers.requirements",
                          "only bids require sources of energy");
    }
  }
  terms.offer_share_ppm = side.has_share_ppm() ? side.share_ppm() : terms.offer_share_ppm;
  terms.offer_reserve = Energy::WattHours(side.reserve_wh());
  PW_ASSIGN_OR_RETURN(terms.offer_start_price,
                      OptionalPrice(side.has_start_price_per_kwh(), side.start_price_per_kwh(),
                                    currency, "standing_order.offers.start_price_per_kwh"));
  PW_ASSIGN_OR_RETURN(const Order preferences, PreferencesFrom(side, currency));
  terms.offer_preference = preferences.preference;
  return absl::OkStatus();
}

absl::StatusOr<std::string> CalendarFrom(const ProtoCalendar& proto) {
  AutopilotCalendar calendar;
  for (const int32_t day : proto.weekdays()) {
    if (day < 1 || day > 7) {
      return FieldInvalid("standing_order.calendar.weekdays", "must be from 1 (Monday) to 7");
    }
    calendar.weekdays |= 1u << (day - 1);
  }
  for (const ProtoCalendar::Window& window : proto.windows()) {
    if (window.start_minute() < 0 || window.start_minute() > 1439 || window.end_minute() < 1 ||
        window.end_minute() > 1440 || window.start_minute() == window.end_minute()) {
      return FieldInvalid("standing_order.calendar.windows",
                          "must start from 0 to 1439, and end from 1 to 1440 at another minute");
    }
    calendar.windows.push_back({window.start_minute(), window.end_minute()});
  }
  for (const std::string& text : proto.excluded_days()) {
    absl::CivilDay day;
    if (text.size() != 10 || !absl::ParseCivilTime(text, &day)) {
      return FieldInvalid("standing_order.calendar.excluded_days", "must be as 2026-12-24");
    }
    calendar.exceptions.push_back(day);
  }
  PW_RETURN_IF_ERROR(ZoneOf(proto.time_zone()).status());
  calendar.time_zone = proto.time_zone();
  return FormatCalendar(calendar);
}

void WriteCalendar(const std::string& text, v1::StandingOrder& proto) {
  if (text.empty()) {
    return;
  }
  const absl::StatusOr<AutopilotCalendar> calendar = ParseCalendar(text);
  if (!calendar.ok()) {
    return;  // Its time zone is gone since.
  }
  ProtoCalendar& shown = *proto.mutable_calendar();
  for (int day = 0; day < 7; ++day) {
    if ((calendar->weekdays >> day & 1) != 0) {
      shown.add_weekdays(day + 1);
    }
  }
  for (const DayWindow& window : calendar->windows) {
    ProtoCalendar::Window& added = *shown.add_windows();
    added.set_start_minute(window.start_minute);
    added.set_end_minute(window.end_minute);
  }
  for (const absl::CivilDay day : calendar->exceptions) {
    shown.add_excluded_days(absl::FormatCivilTime(day));
  }
  shown.set_time_zone(calendar->time_zone);
}

void WriteSide(const std::string& preference, Price premium, int64_t share_ppm, Energy reserve,
               const std::optional<Price>& start, const std::string& currency, ProtoSide& side) {
  side.set_share_ppm(share_ppm);
  side.set_reserve_wh(reserve.wh());
  if (start.has_value()) {
    *side.mutable_start_price_per_kwh() = rpc::ToProto(*start, currency);
  }
  Order order;
  order.preference = preference;
  order.premium = premium;
  v1::Order shown;
  WritePreference(order, currency, shown);
  *side.mutable_requirements() = shown.requirements();
  if (shown.has_premium()) {
    *side.mutable_premium() = shown.premium();
  }
}

}  // namespace

v1::StandingOrder ToProto(const StandingOrder& order, const std::string& currency) {
  v1::StandingOrder proto;
  proto.set_name(NameOf(order.participant, order.id));
  proto.set_metering_point(NameOf(order.metering_point));
  if (order.bid_price.has_value()) {
    *proto.mutable_bid_price_per_kwh() = rpc::ToProto(*order.bid_price, currency);
  }
  if (order.offer_price.has_value()) {
    *proto.mutable_offer_price_per_kwh() = rpc::ToProto(*order.offer_price, currency);
  }
  proto.set_state(order.active ? v1::StandingOrder::ACTIVE : v1::StandingOrder::CANCELLED);
  *proto.mutable_create_time() = rpc::ToProto(order.create_time);
  const AutopilotTerms& terms = order.terms;
  WriteSide(terms.bid_preference, terms.premium, terms.bid_share_ppm, terms.bid_reserve,
            terms.bid_start_price, currency, *proto.mutable_bids());
  WriteSide(terms.offer_preference, Price(), terms.offer_share_ppm, terms.offer_reserve,
            terms.offer_start_price, currency, *proto.mutable_offers());
  if (terms.daily_cost_max.has_value()) {
    *proto.mutable_daily_cost_max() = rpc::ToProto(*terms.daily_cost_max, currency);
  }
  WriteCalendar(terms.calendar, proto);
  proto.set_paused(terms.paused);
  proto.set_version(order.version);
  *proto.mutable_version_time() = rpc::ToProto(order.version_time);
  return proto;
}

absl::StatusOr<StandingOrder> StandingOrderFrom(const v1::StandingOrder& proto,
                                                const std::string& currency) {
  StandingOrder order;
  if (!proto.metering_point().empty()) {
    PW_ASSIGN_OR_RETURN(order.metering_point, MeteringPointFrom(proto.metering_point(),
                                                                "standing_order.metering_point"));
  }
  PW_ASSIGN_OR_RETURN(order.bid_price,
                      OptionalPrice(proto.has_bid_price_per_kwh(), proto.bid_price_per_kwh(),
                                    currency, "standing_order.bid_price_per_kwh"));
  PW_ASSIGN_OR_RETURN(order.offer_price,
                      OptionalPrice(proto.has_offer_price_per_kwh(), proto.offer_price_per_kwh(),
                                    currency, "standing_order.offer_price_per_kwh"));
  if (!order.bid_price.has_value() && !order.offer_price.has_value()) {
    return FieldInvalid("standing_order", "needs a bid price, an offer price or both");
  }
  PW_RETURN_IF_ERROR(ReadBids(proto.bids(), currency, order.terms));
  PW_RETURN_IF_ERROR(ReadOffers(proto.offers(), currency, order.terms));
  if (proto.has_daily_cost_max()) {
    PW_ASSIGN_OR_RETURN(order.terms.daily_cost_max,
                        rpc::MoneyFrom(proto.daily_cost_max(), currency,
                                       "standing_order.daily_cost_max"));
  }
  PW_ASSIGN_OR_RETURN(order.terms.calendar, CalendarFrom(proto.calendar()));
  if (proto.version() < 0) {
    return FieldInvalid("standing_order.version", "must not be negative");
  }
  order.version = proto.version();
  return order;
}

}  // namespace peerwatt::market
