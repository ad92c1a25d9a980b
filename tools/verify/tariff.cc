#include "tools/verify/tariff.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "tools/verify/csv.h"
#include "tools/verify/json.h"

namespace peerwatt::verify {
namespace {

using Json = nlohmann::json;

/// What this checker does not know may change what something costs.
absl::Status RequireKnown(const Json& json, const std::set<std::string>& fields) {
  for (const auto& [field, value] : json.items()) {
    if (fields.count(field) == 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("a tariff has '", field, "', which cannot be recomputed"));
    }
  }
  return absl::OkStatus();
}

/// Two numbers with a sign between, as `first` × factor + second.
absl::StatusOr<int64_t> PairFrom(const std::string& text, char sign, int64_t factor) {
  const size_t middle = text.find(sign);
  if (middle == std::string::npos) {
    return absl::InvalidArgumentError(absl::StrCat("'", text, "' is no time of a tariff"));
  }
  PW_ASSIGN_OR_RETURN(const int64_t first, NumberFrom(text.substr(0, middle)));
  PW_ASSIGN_OR_RETURN(const int64_t second, NumberFrom(text.substr(middle + 1)));
  return first * factor + second;
}

absl::Status ReadPair(const Json& json, const char* field, char sign, int64_t factor,
                      int64_t& number) {
  const std::string text = TextOf(json, field);
  if (text.empty()) return absl::OkStatus();
  PW_ASSIGN_OR_RETURN(number, PairFrom(text, sign, factor));
  return absl::OkStatus();
}

absl::StatusOr<Window> WindowFrom(const Json& json) {
  PW_RETURN_IF_ERROR(RequireKnown(
      json, {"weekdays", "startTimeOfDay", "endTimeOfDay", "seasonStartDay", "seasonEndDay"}));
  constexpr std::array<const char*, 7> kDays{"MONDAY", "TUESDAY",  "WEDNESDAY", "THURSDAY",
                                             "FRIDAY", "SATURDAY", "SUNDAY"};
  Window window;
  const Json weekdays = json.value("weekdays", Json::array());
  if (!weekdays.empty()) window.weekdays = 0;
  for (const Json& weekday : weekdays) {
    const auto* const day = std::find(kDays.begin(), kDays.end(), weekday.get<std::string>());
    if (day == kDays.end()) return absl::InvalidArgumentError("a weekday is not known");
    window.weekdays |= 1U << static_cast<uint32_t>(day - kDays.begin());
  }
  PW_RETURN_IF_ERROR(ReadPair(json, "startTimeOfDay", ':', 60, window.from));
  PW_RETURN_IF_ERROR(ReadPair(json, "endTimeOfDay", ':', 60, window.until));
  PW_RETURN_IF_ERROR(ReadPair(json, "seasonStartDay", '-', 100, window.first_day));
  PW_RETURN_IF_ERROR(ReadPair(json, "seasonEndDay", '-', 100, window.last_day));
  return window;
}

absl::StatusOr<std::vector<TimedPrice>> PricesFrom(const Json& tariff, const char* field) {
  std::vector<TimedPrice> prices;
  const auto found = tariff.find(field);
  if (found == tariff.end()) return prices;
  PW_RETURN_IF_ERROR(RequireKnown(*found, {"defaultPricePerKwh", "taxable", "prices"}));
  for (const Json& json : found->value("prices", Json::array())) {
    PW_RETURN_IF_ERROR(RequireKnown(json, {"id", "pricePerKwh", "windows", "taxable"}));
    TimedPrice& price = prices.emplace_back();
    price.micros_per_kwh = MoneyOf(json, "pricePerKwh").value_or(0);
    for (const Json& window : json.value("windows", Json::array())) {
      PW_ASSIGN_OR_RETURN(price.windows.emplace_back(), WindowFrom(window));
    }
    if (price.windows.empty()) return absl::InvalidArgumentError("a price has no window");
  }
  const std::optional<int64_t> otherwise = MoneyOf(*found, "defaultPricePerKwh");
  if (otherwise.has_value()) prices.push_back({*otherwise, {}});
  return prices;
}

absl::Status ReadCharges(const Json& tariff, TariffVersion& version) {
  using Counts = Charge::Counts;
  using Bases = std::vector<std::pair<const char*, Counts>>;
  const auto read = [&](const char* field, const char* price, const Bases& bases) -> absl::Status {
    for (const Json& json : tariff.value(field, Json::array())) {
      PW_RETURN_IF_ERROR(RequireKnown(json, {"basis", price, "taxable"}));
      const std::string basis = TextOf(json, "basis");
      const auto known = std::find_if(bases.begin(), bases.end(),
                                      [&](const auto& entry) { return basis == entry.first; });
      if (known == bases.end()) {
        return absl::InvalidArgumentError(absl::StrCat("the basis '", basis, "' is not known"));
      }
      version.charges.push_back({known->second, MoneyOf(json, price).value_or(0)});
    }
    return absl::OkStatus();
  };
  PW_RETURN_IF_ERROR(read("subscriptions", "monthPrice",
                          {{"GRID_CONNECTION", Counts::kConnectionDay},
                           {"PARTICIPANT", Counts::kParticipantDay}}));
  return read("pieceFees", "price",
              {{"PURCHASE", Counts::kPurchase},
               {"SALE", Counts::kSale},
               {"GRID_CONNECTION_MONTH", Counts::kConnectionMonth},
               {"PARTICIPANT_MONTH", Counts::kParticipantMonth}});
}

bool Has(const Window& window, absl::CivilMinute local) {
  const auto weekday = static_cast<uint32_t>(absl::GetWeekday(local));
  if ((window.weekdays >> weekday & 1U) == 0) return false;
  const int64_t minute = local.hour() * 60 + local.minute();
  if (minute < window.from || minute >= window.until) return false;
  const int64_t day = local.month() * 100 + local.day();
  return window.first_day <= window.last_day ? window.first_day <= day && day <= window.last_day
                                             : window.first_day <= day || day <= window.last_day;
}

}  // namespace

absl::StatusOr<TariffVersion> TariffFrom(const Json& json) {
  PW_RETURN_IF_ERROR(RequireKnown(
      json, {"name", "startTime", "retailPricePerKwh", "feedInPricePerKwh", "startDay", "retail",
             "feedIn", "subscriptions", "pieceFees", "createTime", "versionNumber"}));
  TariffVersion version;
  PW_ASSIGN_OR_RETURN(version.start, SecondsFrom(TextOf(json, "startTime")));
  PW_ASSIGN_OR_RETURN(version.retail, PricesFrom(json, "retail"));
  PW_ASSIGN_OR_RETURN(version.feed_in, PricesFrom(json, "feedIn"));
  PW_RETURN_IF_ERROR(ReadCharges(json, version));
  const std::optional<int64_t> retail = MoneyOf(json, "retailPricePerKwh");
  const std::optional<int64_t> feed_in = MoneyOf(json, "feedInPricePerKwh");
  if (retail.has_value() != feed_in.has_value()) {
    return absl::InvalidArgumentError("a tariff lacks a price");
  }
  if (retail.has_value()) {
    version.retail.push_back({*retail, {}});
    version.feed_in.push_back({*feed_in, {}});
  }
  return version;
}

std::optional<int64_t> PriceAt(const std::vector<TimedPrice>& prices, int64_t time,
                               absl::TimeZone zone) {
  const absl::CivilMinute local = absl::ToCivilMinute(absl::FromUnixSeconds(time), zone);
  std::optional<int64_t> otherwise;
  for (const TimedPrice& price : prices) {
    if (price.windows.empty()) otherwise = price.micros_per_kwh;
    for (const Window& window : price.windows) {
      if (Has(window, local)) return price.micros_per_kwh;
    }
  }
  return otherwise;
}

int64_t PartOfMonth(int64_t month_micros, absl::CivilDay day) {
  const absl::CivilMonth month(day);
  const int64_t days = absl::CivilDay(month + 1) - absl::CivilDay(month);
  const int64_t size = month_micros < 0 ? -month_micros : month_micros;
  const int64_t part = size / days + (size % days * 2 >= days ? 1 : 0);
  return month_micros < 0 ? -part : part;
}

}  // namespace peerwatt::verify
