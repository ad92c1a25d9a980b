#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/domain/quantities.h"
#include "tools/peerwatt/json_fields.h"
#include "tools/peerwatt/pacing.h"

namespace peerwatt::tool {

/// The community's rules and the main grid's prices in the demo.
struct DemoRules {
  std::string community = "hamlet";
  std::string currency = "EUR";
  std::string time_zone = "Europe/Berlin";
  absl::Duration interval = absl::Minutes(15);
  absl::Duration opening_lead = absl::Hours(24);
  absl::Duration gate_closure_lead = absl::Hours(1);
  Price network_fee = Price::MicrosPerKwh(50'000);
  int64_t operator_share_ppm = 20'000;
  Price price_max = Price::MicrosPerKwh(1'000'000);
  Price retail = Price::MicrosPerKwh(320'000);
  Price feed_in = Price::MicrosPerKwh(80'000);
  Money deposit = Money::Micros(500'000'000);
  int64_t co2_g_per_kwh = 400;  ///< an example, and stated as one
  std::string co2_source = "an example, not a measured value";
};

/// One metering point of a household.
struct DemoPoint {
  std::string id;
  bool generation = false;
  int64_t import_capacity_w = 0;
  int64_t export_capacity_w = 0;
  Json source;  ///< as a fleet file names it
};

/// A household of the demo.
struct DemoHousehold {
  std::string id;
  std::string display_name;
  std::string email;
  int64_t pv_peak_w = 0;  ///< 0: a consumer
  Price bid_price;
  Price offer_price;
  std::vector<DemoPoint> points;
  std::string participant() const { return "participants/" + id; }
};

/// What the demo plays.
struct Scenario {
  DemoRules rules;
  std::vector<DemoHousehold> households;
  Timetable timetable;
  std::string data_folder;  ///< empty: generated
  uint64_t seed = 1;
  int64_t interval_count() const { return (timetable.end - timetable.start) / timetable.interval; }
};

/// Plays measured profiles: `folder/load/*.csv` in order of their names (W), and for every second
/// household one of `folder/pv/pv_*_pu.csv` in turn (kW per kWp). At most `households` and `days`
/// local days of them. Errors: kNotFound, kInvalidArgument with the file at fault.
absl::StatusOr<Scenario> MeasuredScenario(const std::string& folder, int households, int days,
                                          uint64_t seed);
/// Plays seeded profiles from 2026-06-01 on, local time.
absl::StatusOr<Scenario> GeneratedScenario(int households, int days, uint64_t seed);

/// Limit prices of household `index`, drawn from `seed`: bids 0.20 to 0.27, offers 0.08 to 0.18 per
/// kWh, in steps of half a cent.
Price BidPriceOf(uint64_t seed, int index);
Price OfferPriceOf(uint64_t seed, int index);
/// Peak power of the PV of household `index`: every second one has 4 to 10 kW, else 0.
int64_t PvPeakOf(int index);

}  // namespace peerwatt::tool
