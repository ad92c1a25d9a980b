#include "services/registry/core/tariff_versions.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "libs/base/check.h"
#include "libs/base/error.h"
#include "libs/base/ids.h"
#include "libs/base/status_macros.h"

namespace peerwatt::registry {
namespace {

constexpr char kIdForm[] = "must match [a-z][a-z0-9-]{0,61}[a-z0-9]";
constexpr char kStartDay[] = "tariff_version.start_day";
// Beyond any price, and low enough that no product leaves 64 bits.
constexpr int64_t kMicrosMax = 1'000'000'000'000;
constexpr int64_t kFirstYear = 2000;
constexpr int64_t kLastYear = 2199;

absl::Status CheckBounds(int64_t micros, const std::string& field) {
  if (micros >= -kMicrosMax && micros <= kMicrosMax) return absl::OkStatus();
  return FieldInvalid(field, "must be -1000000 to 1000000");
}

absl::TimeZone ZoneOf(const Community& community) {
  absl::TimeZone zone;
  PW_CHECK(absl::LoadTimeZone(community.time_zone, &zone), "a community has a known time zone");
  return zone;
}

absl::Status CheckWindow(const LocalWindow& window, absl::Duration interval,
                         const std::string& path) {
  const auto on_grid = [&](int minute) {
    return absl::Minutes(minute) % interval == absl::ZeroDuration();
  };
  if (!on_grid(window.start_minute)) {
    return FieldInvalid(path + "start_time_of_day", "must be a multiple of the interval");
  }
  if (!on_grid(window.end_minute)) {
    return FieldInvalid(path + "end_time_of_day", "must be a multiple of the interval");
  }
  if (window.end_minute <= window.start_minute) {
    return FieldInvalid(path + "end_time_of_day",
                        "must be after start_time_of_day; a night is two windows");
  }
  return absl::OkStatus();
}

absl::Status CheckPrice(const WindowedPrice& price, absl::Duration interval,
                        std::set<std::string>& ids, const std::string& path) {
  if (!IsResourceId(price.id)) return FieldInvalid(path + "id", kIdForm);
  if (!ids.insert(price.id).second) return FieldInvalid(path + "id", "is there twice");
  PW_RETURN_IF_ERROR(CheckBounds(price.price.micros_per_kwh(), path + "price_per_kwh"));
  if (price.windows.empty() || price.windows.size() > kWindowsMax) {
    return FieldInvalid(path + "windows", "must be 1 to 20 windows");
  }
  for (size_t i = 0; i < price.windows.size(); ++i) {
    PW_RETURN_IF_ERROR(
        CheckWindow(price.windows[i], interval, absl::StrCat(path, "windows[", i, "].")));
  }
  return absl::OkStatus();
}

/// A window with where it stands.
struct PlacedWindow {
  const LocalWindow& window;
  std::string place;
};

absl::Status CheckOverlaps(const EnergyPrices& prices, const std::string& path) {
  std::vector<PlacedWindow> placed;
  for (size_t p = 0; p < prices.prices.size(); ++p) {
    const std::vector<LocalWindow>& windows = prices.prices[p].windows;
    for (size_t w = 0; w < windows.size(); ++w) {
      const std::string place = absl::StrCat("prices[", p, "].windows[", w, "]");
      for (const PlacedWindow& earlier : placed) {
        if (!Overlap(earlier.window, windows[w])) continue;
        return FieldInvalid(path + place, absl::StrCat("overlaps ", earlier.place));
      }
      placed.push_back({windows[w], place});
    }
  }
  return absl::OkStatus();
}

absl::Status CheckPrices(const EnergyPrices& prices, absl::Duration interval,
                         const std::string& path) {
  if (prices.default_price.has_value()) {
    PW_RETURN_IF_ERROR(
        CheckBounds(prices.default_price->micros_per_kwh(), path + "default_price_per_kwh"));
  }
  if (prices.prices.size() > kPricesMax) {
    return FieldInvalid(path + "prices", "must be at most 100 prices");
  }
  std::set<std::string> ids;
  for (size_t i = 0; i < prices.prices.size(); ++i) {
    PW_RETURN_IF_ERROR(
        CheckPrice(prices.prices[i], interval, ids, absl::StrCat(path, "prices[", i, "].")));
  }
  return CheckOverlaps(prices, path);
}

/// Subscriptions or fees. amount: of one of them.
template <typename Item, typename Amount>
absl::Status CheckItems(const std::vector<Item>& items, const std::string& path,
                        const std::string& field, Amount amount) {
  std::set<int> bases;
  for (size_t i = 0; i < items.size(); ++i) {
    const std::string own = absl::StrCat(path, "[", i, "].");
    if (!bases.insert(static_cast<int>(items[i].basis)).second) {
      return FieldInvalid(own + "basis", "is there twice");
    }
    PW_RETURN_IF_ERROR(CheckBounds(amount(items[i]).micros(), own + field));
  }
  return absl::OkStatus();
}

std::optional<Price> AmountOf(const std::optional<PriceInForce>& price) {
  return price.has_value() ? std::optional(price->price) : std::nullopt;
}

}  // namespace

absl::StatusOr<absl::CivilDay> StartDayFrom(const std::string& text) {
  absl::CivilDay day;
  // The parser also takes other forms; what it read must be what was written.
  if (!absl::ParseCivilTime(text, &day) || absl::FormatCivilTime(day) != text ||
      day.year() < kFirstYear || day.year() > kLastYear) {
    return FieldInvalid(kStartDay, "must be a day from 2000-01-01 to 2199-12-31");
  }
  return day;
}

absl::Time DayStart(absl::CivilDay day, const Community& community) {
  return peerwatt::DayStart(day, ZoneOf(community));
}

std::string StartDayText(absl::Time starts_at, const Community& community) {
  const absl::TimeZone zone = ZoneOf(community);
  const absl::CivilDay day = absl::ToCivilDay(starts_at, zone);
  return peerwatt::DayStart(day, zone) == starts_at ? absl::FormatCivilTime(day) : "";
}

absl::Status CheckTariffVersion(const TariffVersion& version, const Community& community) {
  if (!IsResourceId(version.id.value())) return FieldInvalid("tariff_version_id", kIdForm);
  if (!IsOnGrid(version.starts_at, community.interval)) {
    return FieldInvalid(kStartDay, "must start with an interval of the community");
  }
  const TariffRules& rules = version.rules;
  PW_RETURN_IF_ERROR(CheckPrices(rules.retail, community.interval, "tariff_version.retail."));
  PW_RETURN_IF_ERROR(CheckPrices(rules.feed_in, community.interval, "tariff_version.feed_in."));
  PW_RETURN_IF_ERROR(CheckItems(rules.subscriptions, "tariff_version.subscriptions", "month_price",
                                [](const Subscription& item) { return item.month_price; }));
  return CheckItems(rules.piece_fees, "tariff_version.piece_fees", "price",
                    [](const PieceFee& item) { return item.price; });
}

bool SameContent(const TariffVersion& a, const TariffVersion& b) {
  return a.community == b.community && a.id == b.id && a.starts_at == b.starts_at &&
         a.rules == b.rules;
}

std::optional<Tariff> FlatTariffAt(const TariffVersion& version, const Community& community,
                                   absl::Time time) {
  const absl::TimeZone zone = ZoneOf(community);
  const auto price_at = [&](const EnergyPrices& prices, absl::Time at) {
    return AmountOf(PriceAt(prices, absl::ToCivilMinute(at, zone)));
  };
  absl::Time start = std::max(version.starts_at, FloorToGrid(time, community.interval));
  const std::optional<Price> retail = price_at(version.rules.retail, start);
  const std::optional<Price> feed_in = price_at(version.rules.feed_in, start);
  if (!retail.has_value() || !feed_in.has_value()) return std::nullopt;
  if (version.rules.retail.prices.empty() && version.rules.feed_in.prices.empty()) {
    start = version.starts_at;
  }
  const absl::Time first =
      std::max(version.starts_at, peerwatt::DayStart(absl::ToCivilDay(start, zone), zone));
  while (start - community.interval >= first &&
         price_at(version.rules.retail, start - community.interval) == retail &&
         price_at(version.rules.feed_in, start - community.interval) == feed_in) {
    start -= community.interval;
  }
  return Tariff{version.community, version.id, *feed_in, *retail, start};
}

}  // namespace peerwatt::registry
