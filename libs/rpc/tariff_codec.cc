#include "libs/rpc/tariff_codec.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/codec.h"

namespace peerwatt::rpc {
namespace {

namespace v1 = peerwatt::registry::v1;
using Version = v1::TariffVersion;

/// The basis with the number that the protocol gives it. last: the highest.
template <typename Basis>
absl::StatusOr<Basis> BasisFrom(int number, Basis last, absl::string_view field) {
  if (number < 1 || number > static_cast<int>(last)) {
    return FieldInvalid(field, "must be a known value");
  }
  return static_cast<Basis>(number);
}

template <typename Proto>
bool IsTaxable(const Proto& proto) {
  return !proto.has_taxable() || proto.taxable();
}

absl::StatusOr<uint32_t> WeekdaysFrom(const Version::Window& proto, const std::string& field) {
  if (proto.weekdays().empty()) return kAllWeekdays;
  uint32_t weekdays = 0;
  for (const int number : proto.weekdays()) {
    if (number < Version::MONDAY || number > Version::SUNDAY) {
      return FieldInvalid(field, "must be days of the week");
    }
    const uint32_t bit = 1U << static_cast<uint32_t>(number - Version::MONDAY);
    if ((weekdays & bit) != 0) return FieldInvalid(field, "must not have a day twice");
    weekdays |= bit;
  }
  return weekdays;
}

absl::StatusOr<LocalWindow> WindowFrom(const Version::Window& proto, const std::string& path) {
  LocalWindow window;
  PW_ASSIGN_OR_RETURN(window.weekdays, WeekdaysFrom(proto, path + "weekdays"));
  if (!proto.start_time_of_day().empty()) {
    PW_ASSIGN_OR_RETURN(window.start_minute,
                        MinuteOfDayFrom(proto.start_time_of_day(), path + "start_time_of_day"));
  }
  if (!proto.end_time_of_day().empty()) {
    PW_ASSIGN_OR_RETURN(window.end_minute,
                        MinuteOfDayFrom(proto.end_time_of_day(), path + "end_time_of_day"));
  }
  if (proto.season_start_day().empty() != proto.season_end_day().empty()) {
    return FieldInvalid(
        path + (proto.season_start_day().empty() ? "season_start_day" : "season_end_day"),
        "is required for a season");
  }
  if (proto.season_start_day().empty()) return window;
  Season& season = window.season.emplace();
  PW_ASSIGN_OR_RETURN(season.first,
                      YearDayFrom(proto.season_start_day(), path + "season_start_day"));
  PW_ASSIGN_OR_RETURN(season.last, YearDayFrom(proto.season_end_day(), path + "season_end_day"));
  return window;
}

absl::StatusOr<EnergyPrices> PricesFrom(const Version::EnergyPrices& proto,
                                        const std::string& currency, const std::string& path) {
  EnergyPrices prices;
  prices.default_is_taxable = IsTaxable(proto);
  if (proto.has_default_price_per_kwh()) {
    PW_ASSIGN_OR_RETURN(prices.default_price, PriceFrom(proto.default_price_per_kwh(), currency,
                                                        path + "default_price_per_kwh"));
  }
  for (int i = 0; i < proto.prices_size(); ++i) {
    const Version::EnergyPrice& from = proto.prices(i);
    const std::string own = absl::StrCat(path, "prices[", i, "].");
    WindowedPrice& price = prices.prices.emplace_back();
    price.id = from.id();
    price.is_taxable = IsTaxable(from);
    PW_ASSIGN_OR_RETURN(price.price,
                        PriceFrom(from.price_per_kwh(), currency, own + "price_per_kwh"));
    for (int w = 0; w < from.windows_size(); ++w) {
      PW_ASSIGN_OR_RETURN(price.windows.emplace_back(),
                          WindowFrom(from.windows(w), absl::StrCat(own, "windows[", w, "].")));
    }
  }
  return prices;
}

void Encode(const LocalWindow& window, Version::Window& proto) {
  if (window.weekdays != kAllWeekdays) {
    for (int number = Version::MONDAY; number <= Version::SUNDAY; ++number) {
      if ((window.weekdays >> static_cast<uint32_t>(number - Version::MONDAY) & 1U) != 0) {
        proto.add_weekdays(static_cast<Version::Weekday>(number));
      }
    }
  }
  proto.set_start_time_of_day(MinuteOfDayText(window.start_minute));
  proto.set_end_time_of_day(MinuteOfDayText(window.end_minute));
  if (!window.season.has_value()) return;
  proto.set_season_start_day(YearDayText(window.season->first));
  proto.set_season_end_day(YearDayText(window.season->last));
}

void Encode(const EnergyPrices& prices, const std::string& currency, Version::EnergyPrices& proto) {
  if (prices.default_price.has_value()) {
    *proto.mutable_default_price_per_kwh() = ToProto(*prices.default_price, currency);
    proto.set_taxable(prices.default_is_taxable);
  }
  for (const WindowedPrice& price : prices.prices) {
    Version::EnergyPrice& shown = *proto.add_prices();
    shown.set_id(price.id);
    *shown.mutable_price_per_kwh() = ToProto(price.price, currency);
    shown.set_taxable(price.is_taxable);
    for (const LocalWindow& window : price.windows) Encode(window, *shown.add_windows());
  }
}

}  // namespace

absl::StatusOr<TariffRules> TariffRulesFrom(const Version& proto, const std::string& currency) {
  const std::string path = "tariff_version.";
  TariffRules rules;
  PW_ASSIGN_OR_RETURN(rules.retail, PricesFrom(proto.retail(), currency, path + "retail."));
  PW_ASSIGN_OR_RETURN(rules.feed_in, PricesFrom(proto.feed_in(), currency, path + "feed_in."));
  for (int i = 0; i < proto.subscriptions_size(); ++i) {
    const Version::Subscription& from = proto.subscriptions(i);
    const std::string own = absl::StrCat(path, "subscriptions[", i, "].");
    Subscription& subscription = rules.subscriptions.emplace_back();
    PW_ASSIGN_OR_RETURN(subscription.basis,
                        BasisFrom(from.basis(), SubscriptionBasis::kParticipant, own + "basis"));
    PW_ASSIGN_OR_RETURN(subscription.month_price,
                        MoneyFrom(from.month_price(), currency, own + "month_price"));
    subscription.is_taxable = IsTaxable(from);
  }
  for (int i = 0; i < proto.piece_fees_size(); ++i) {
    const Version::PieceFee& from = proto.piece_fees(i);
    const std::string own = absl::StrCat(path, "piece_fees[", i, "].");
    PieceFee& fee = rules.piece_fees.emplace_back();
    PW_ASSIGN_OR_RETURN(fee.basis,
                        BasisFrom(from.basis(), PieceFeeBasis::kParticipantMonth, own + "basis"));
    PW_ASSIGN_OR_RETURN(fee.price, MoneyFrom(from.price(), currency, own + "price"));
    fee.is_taxable = IsTaxable(from);
  }
  return rules;
}

void Encode(const TariffRules& rules, const std::string& currency, Version& proto) {
  Encode(rules.retail, currency, *proto.mutable_retail());
  Encode(rules.feed_in, currency, *proto.mutable_feed_in());
  for (const Subscription& subscription : rules.subscriptions) {
    Version::Subscription& shown = *proto.add_subscriptions();
    shown.set_basis(static_cast<Version::Subscription::Basis>(subscription.basis));
    *shown.mutable_month_price() = ToProto(subscription.month_price, currency);
    shown.set_taxable(subscription.is_taxable);
  }
  for (const PieceFee& fee : rules.piece_fees) {
    Version::PieceFee& shown = *proto.add_piece_fees();
    shown.set_basis(static_cast<Version::PieceFee::Basis>(fee.basis));
    *shown.mutable_price() = ToProto(fee.price, currency);
    shown.set_taxable(fee.is_taxable);
  }
}

}  // namespace peerwatt::rpc
