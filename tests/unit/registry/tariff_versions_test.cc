#include "services/registry/core/tariff_versions.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "libs/base/error.h"

namespace peerwatt::registry {
namespace {

constexpr uint32_t kWorkdays = 0x1F;

Community Hamlet() {
  Community community;
  community.id = CommunityId("hamlet");
  community.time_zone = "Europe/Berlin";
  community.currency_code = "EUR";
  return community;
}

WindowedPrice PriceOf(const std::string& id, int start, int end, uint32_t weekdays = kAllWeekdays) {
  return {id, Price::MicrosPerKwh(200'000), {{weekdays, start * 60, end * 60, std::nullopt}}};
}

TariffVersion DayAndNight() {
  TariffVersion version;
  version.community = CommunityId("hamlet");
  version.id = TariffId("t2026");
  version.starts_at = DayStart(absl::CivilDay(2026, 3, 1), Hamlet());
  version.rules.retail.default_price = Price::MicrosPerKwh(300'000);
  version.rules.retail.prices = {PriceOf("morning", 0, 6), PriceOf("evening", 22, 24)};
  version.rules.feed_in.default_price = Price::MicrosPerKwh(80'000);
  version.rules.subscriptions = {
      {SubscriptionBasis::kGridConnection, Money::Micros(3'000'000), false}};
  version.rules.piece_fees = {{PieceFeeBasis::kPurchase, Money::Micros(1'000)},
                              {PieceFeeBasis::kSale, Money::Micros(1'000)}};
  return version;
}

std::string FieldOf(const absl::Status& status) {
  if (status.ok()) return "OK";
  const auto detail = DetailOf(status);
  return detail.violations.empty() ? "?" : detail.violations[0].field;
}

TEST(CheckTariffVersion, NamesTheFirstWrongField) {
  struct Case {
    const char* field;
    std::function<void(TariffVersion&)> change;
  };
  using V = TariffVersion;
  const auto price = [](V& v) -> WindowedPrice& { return v.rules.retail.prices[1]; };
  const auto window = [&](V& v) -> LocalWindow& { return price(v).windows[0]; };
  const Case cases[] = {
      {"OK", [](V&) {}},
      {"OK", [](V& v) { v.rules = {}; }},
      {"OK", [](V& v) { v.rules.retail.default_price.reset(); }},
      {"OK", [](V& v) { v.rules.retail.default_price = Price::MicrosPerKwh(-1'000'000); }},
      {"OK", [&](V& v) { price(v).id = "retail"; }},
      {"OK", [&](V& v) { v.rules.feed_in.prices = {PriceOf("morning", 0, 6)}; }},
      {"tariff_version_id", [](V& v) { v.id = TariffId("T"); }},
      {"tariff_version.start_day", [](V& v) { v.starts_at += absl::Minutes(5); }},
      {"tariff_version.retail.default_price_per_kwh",
       [](V& v) { v.rules.retail.default_price = Price::MicrosPerKwh(1'000'000'000'001); }},
      {"OK", [](V& v) { v.rules.retail.default_price = Price::MicrosPerKwh(1'000'000'000'000); }},
      {"tariff_version.retail.prices",
       [](V& v) { v.rules.retail.prices.assign(101, PriceOf("p", 0, 1)); }},
      {"tariff_version.retail.prices[1].id", [&](V& v) { price(v).id = ""; }},
      {"tariff_version.retail.prices[1].id", [&](V& v) { price(v).id = "morning"; }},
      {"tariff_version.retail.prices[1].price_per_kwh",
       [&](V& v) { price(v).price = Price::MicrosPerKwh(-1'000'000'000'001); }},
      {"tariff_version.retail.prices[1].windows", [&](V& v) { price(v).windows.clear(); }},
      {"tariff_version.retail.prices[1].windows",
       [&](V& v) { price(v).windows.assign(21, LocalWindow()); }},
      {"tariff_version.retail.prices[1].windows[0].start_time_of_day",
       [&](V& v) { window(v).start_minute += 1; }},
      {"tariff_version.retail.prices[1].windows[0].end_time_of_day",
       [&](V& v) { window(v).end_minute -= 1; }},
      {"tariff_version.retail.prices[1].windows[0].end_time_of_day",
       [&](V& v) { window(v).end_minute = window(v).start_minute; }},
      {"tariff_version.retail.prices[1].windows[0]",
       [&](V& v) { window(v).start_minute = 5 * 60; }},
      {"tariff_version.retail.prices[1].windows[1]",
       [&](V& v) { price(v).windows.push_back(price(v).windows[0]); }},
      {"tariff_version.feed_in.prices[0].id",
       [](V& v) { v.rules.feed_in.prices = {PriceOf("x", 0, 6)}; }},
      {"tariff_version.subscriptions[1].basis",
       [](V& v) { v.rules.subscriptions.push_back(v.rules.subscriptions[0]); }},
      {"tariff_version.subscriptions[0].month_price",
       [](V& v) { v.rules.subscriptions[0].month_price = Money::Micros(1'000'000'000'001); }},
      {"tariff_version.piece_fees[2].basis",
       [](V& v) { v.rules.piece_fees.push_back(v.rules.piece_fees[1]); }},
      {"tariff_version.piece_fees[1].price",
       [](V& v) { v.rules.piece_fees[1].price = Money::Micros(-1'000'000'000'001); }},
  };
  for (const Case& c : cases) {
    TariffVersion version = DayAndNight();
    c.change(version);
    EXPECT_EQ(FieldOf(CheckTariffVersion(version, Hamlet())), c.field);
  }
}

TEST(CheckTariffVersion, WindowsOfOtherDaysAndSeasonsDoNotOverlap) {
  TariffVersion version = DayAndNight();
  version.rules.retail.prices = {PriceOf("work", 8, 18, kWorkdays), PriceOf("rest", 8, 18, 0x60)};
  EXPECT_EQ(FieldOf(CheckTariffVersion(version, Hamlet())), "OK");
  version.rules.retail.prices[1].windows[0].weekdays |= 0x10;
  EXPECT_EQ(FieldOf(CheckTariffVersion(version, Hamlet())),
            "tariff_version.retail.prices[1].windows[0]");
  version.rules.retail.prices[0].windows[0].season = Season{{4, 1}, {9, 30}};
  version.rules.retail.prices[1].windows[0].season = Season{{10, 1}, {3, 31}};
  EXPECT_EQ(FieldOf(CheckTariffVersion(version, Hamlet())), "OK");
}

TEST(StartDay, IsADayOfTheCommunity) {
  EXPECT_EQ(StartDayFrom("2026-03-29").value(), absl::CivilDay(2026, 3, 29));
  for (const char* text : {"", "2026-3-29", "2026-02-30", "2026-03-29T00", "1999-12-31",
                           "2200-01-01", " 2026-03-29"}) {
    EXPECT_EQ(FieldOf(StartDayFrom(text).status()), "tariff_version.start_day") << text;
  }
  const absl::Time start = DayStart(absl::CivilDay(2026, 3, 30), Hamlet());
  EXPECT_EQ(absl::FormatTime(absl::RFC3339_sec, start, absl::UTCTimeZone()),
            "2026-03-29T22:00:00+00:00");
  EXPECT_EQ(StartDayText(start, Hamlet()), "2026-03-30");
  EXPECT_EQ(StartDayText(start + absl::Minutes(15), Hamlet()), "");
}

TEST(FlatTariff, HoldsSinceThePricesChangedLastOnTheDay) {
  const TariffVersion version = DayAndNight();
  const absl::TimeZone berlin = [] {
    absl::TimeZone zone;
    EXPECT_TRUE(absl::LoadTimeZone("Europe/Berlin", &zone));
    return zone;
  }();
  struct Case {
    absl::CivilMinute at;
    int64_t retail;
    absl::CivilMinute since;
  };
  const Case cases[] = {
      {absl::CivilMinute(2026, 7, 1, 0, 0), 200'000, absl::CivilMinute(2026, 7, 1, 0, 0)},
      {absl::CivilMinute(2026, 7, 1, 5, 59), 200'000, absl::CivilMinute(2026, 7, 1, 0, 0)},
      {absl::CivilMinute(2026, 7, 1, 6, 0), 300'000, absl::CivilMinute(2026, 7, 1, 6, 0)},
      {absl::CivilMinute(2026, 7, 1, 21, 59), 300'000, absl::CivilMinute(2026, 7, 1, 6, 0)},
      {absl::CivilMinute(2026, 7, 1, 23, 0), 200'000, absl::CivilMinute(2026, 7, 1, 22, 0)},
  };
  for (const Case& c : cases) {
    const auto flat = FlatTariffAt(version, Hamlet(), absl::FromCivil(c.at, berlin));
    ASSERT_TRUE(flat.has_value());
    EXPECT_EQ(flat->retail_price.micros_per_kwh(), c.retail) << c.at;
    EXPECT_EQ(flat->feed_in_price.micros_per_kwh(), 80'000);
    EXPECT_EQ(absl::ToCivilMinute(flat->starts_at, berlin), c.since) << c.at;
  }
}

TEST(FlatTariff, HoldsFromItsStartWithoutWindowsAndIsNotThereWhereAPriceIsMissing) {
  TariffVersion version = DayAndNight();
  const absl::Time later = version.starts_at + absl::Hours(24 * 100 + 7);
  version.rules.retail.prices.clear();
  EXPECT_EQ(FlatTariffAt(version, Hamlet(), later)->starts_at, version.starts_at);
  version.rules.feed_in.default_price.reset();
  EXPECT_EQ(FlatTariffAt(version, Hamlet(), later), std::nullopt);
}

}  // namespace
}  // namespace peerwatt::registry
