#pragma once

#include "tools/peerwatt/figures.h"

namespace peerwatt::tool {

/// Two periods of two households, consistent to the watt hour: `h01` consumes 1000 Wh, produces
/// 1500 and uses 400 of them itself; it sells 500 to `h02`, which consumes 900.
inline DemoFigures ConsistentFigures() {
  const auto wh = [](int64_t value) { return Energy::WattHours(value); };
  const auto euro = [](int64_t micros) { return Money::Micros(micros); };
  DemoFigures figures;
  HouseholdFigures prosumer;
  prosumer.id = "h01";
  prosumer.pv_peak_w = 4000;
  prosumer.points = {{"meteringPoints/h01-load", wh(1000), wh(0), 2, wh(1000), false},
                     {"meteringPoints/h01-pv", wh(0), wh(1500), 2, wh(1500), true}};
  prosumer.items = {{"SALE", {wh(500), euro(75'000)}},
                    {"RETAIL", {wh(600), euro(-192'000)}},
                    {"FEED_IN", {wh(600), euro(48'000)}},
                    {"SELF_CONSUMPTION", {wh(400), euro(0)}}};
  prosumer.total = euro(-69'000);
  prosumer.total_without_trading = euro(-104'000);
  HouseholdFigures consumer;
  consumer.id = "h02";
  consumer.points = {{"meteringPoints/h02-load", wh(900), wh(0), 2, wh(900), false}};
  consumer.items = {{"PURCHASE", {wh(500), euro(-75'000)}},
                    {"NETWORK_FEE", {wh(500), euro(-25'000)}},
                    {"RETAIL", {wh(400), euro(-128'000)}}};
  consumer.total = euro(-228'000);
  consumer.total_without_trading = euro(-288'000);
  figures.households = {prosumer, consumer};
  const absl::Time start = absl::FromUnixSeconds(1'780'264'800);
  figures.periods = {
      {start, wh(700), wh(600), wh(100), wh(300), wh(400), wh(300), 1, 0},
      {start + absl::Minutes(15), wh(800), wh(500), wh(300), wh(200), wh(600), wh(300), 1, 0}};
  figures.auctions = {{start, Price::MicrosPerKwh(150'000), wh(300)},
                      {start + absl::Minutes(15), std::nullopt, wh(0)}};
  figures.kpis.span = {start, start + absl::Minutes(30)};
  figures.kpis.households = {{"h01", 400'000, 400'000, 266'666, 600'000, 160, euro(35'000)},
                             {"h02", 0, 555'555, {}, {}, 200, euro(60'000)}};
  figures.kpis.all = {"all", 210'526, 473'684, 266'666, 600'000, 360, euro(95'000)};
  figures.kpis.savings_gini_ppm = 131'578;
  figures.kpis.welfare_optimum = euro(60'000);
  figures.kpis.welfare_delivered = euro(45'000);
  figures.kpis.welfare_share_ppm = 750'000;
  figures.kpis.co2_g_per_kwh = 400;
  figures.kpis.co2_source = "an example";
  figures.ledger.entry_count = figures.ledger.balance_entry_count = 5;
  return figures;
}

}  // namespace peerwatt::tool
