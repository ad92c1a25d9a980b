#include "tools/peerwatt/scenario.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "libs/base/status_macros.h"
#include "tools/peerwatt/files.h"
#include "tools/peerwatt/profile_span.h"

namespace peerwatt::tool {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kConnectionW = 43'470;  // three phases of 63 A at 230 V
constexpr int64_t kPriceStep = 5'000;

/// Mixes a seed and a stream of numbers (SplitMix64's finaliser).
uint64_t Mix(uint64_t seed, uint64_t stream, uint64_t index) {
  uint64_t x = seed + 0x9E3779B97F4A7C15u * (stream * 1'000'003 + index + 1);
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
  return x ^ (x >> 31);
}

Price Drawn(uint64_t seed, uint64_t stream, int index, int64_t low, int64_t high) {
  const auto steps = static_cast<uint64_t>((high - low) / kPriceStep + 1);
  const uint64_t step = Mix(seed, stream, static_cast<uint64_t>(index)) % steps;
  return Price::MicrosPerKwh(low + static_cast<int64_t>(step) * kPriceStep);
}

/// A household without its sources yet.
DemoHousehold NewHousehold(std::string id, std::string name, uint64_t seed, int index) {
  DemoHousehold household;
  household.id = std::move(id);
  household.display_name = std::move(name);
  household.email = absl::StrCat(household.id, "@peerwatt.example");
  household.pv_peak_w = PvPeakOf(index);
  household.bid_price = BidPriceOf(seed, index);
  household.offer_price = OfferPriceOf(seed, index);
  household.points.push_back({absl::StrCat(household.id, "-load"), false, kConnectionW, 0, {}});
  if (household.pv_peak_w > 0) {
    // An inverter may give a quarter more than the peak of its modules, and never more than it
    // says.
    household.points.push_back(
        {absl::StrCat(household.id, "-pv"), true, 0, household.pv_peak_w * 5 / 4, {}});
  }
  return household;
}

absl::StatusOr<std::vector<std::string>> CsvFiles(const std::string& folder) {
  std::vector<std::string> files;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (entry.path().extension() == ".csv") files.push_back(entry.path().string());
  }
  if (error || files.empty()) {
    return absl::NotFoundError(absl::StrCat("no .csv files in ", folder));
  }
  std::sort(files.begin(), files.end());
  return files;
}

/// Narrows `span` to what the profile `path` covers too.
absl::Status Narrow(const std::string& path, ProfileSpan& span) {
  PW_ASSIGN_OR_RETURN(const std::string csv, ReadFile(path));
  const auto covered = SpanOfProfile(csv);
  if (!covered.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": ", covered.status().message()));
  }
  if (covered->interval != span.interval) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": rows are ", absl::FormatDuration(covered->interval), " apart, not ",
                     absl::FormatDuration(span.interval)));
  }
  span.start = std::max(span.start, covered->start);
  span.end = std::min(span.end, covered->end);
  return absl::OkStatus();
}

absl::Status SetTimes(Scenario& scenario, absl::Time start, int days, absl::Time limit) {
  absl::TimeZone zone;
  if (!absl::LoadTimeZone(scenario.rules.time_zone, &zone)) {
    return absl::NotFoundError(
        absl::StrCat("time zone ", scenario.rules.time_zone, " is not installed (tzdata)"));
  }
  scenario.timetable = {start, EndAfterLocalDays(start, days, zone, limit), scenario.rules.interval,
                        scenario.rules.gate_closure_lead};
  if (scenario.timetable.end <= start) {
    return absl::InvalidArgumentError("the profiles have no time in common");
  }
  return absl::OkStatus();
}

}  // namespace

Price BidPriceOf(uint64_t seed, int index) { return Drawn(seed, 1, index, 200'000, 270'000); }

Price OfferPriceOf(uint64_t seed, int index) { return Drawn(seed, 2, index, 80'000, 180'000); }

int64_t PvPeakOf(int index) { return index % 2 == 0 ? 4'000 + (index / 2) * 3 % 7 * 1'000 : 0; }

absl::StatusOr<Scenario> MeasuredScenario(const std::string& folder, int households, int days,
                                          uint64_t seed) {
  Scenario scenario;
  scenario.seed = seed;
  scenario.data_folder = fs::absolute(folder).lexically_normal().string();
  PW_ASSIGN_OR_RETURN(std::vector<std::string> loads, CsvFiles(scenario.data_folder + "/load"));
  PW_ASSIGN_OR_RETURN(const std::vector<std::string> pvs, CsvFiles(scenario.data_folder + "/pv"));
  loads.resize(std::min(loads.size(), static_cast<size_t>(households)));
  ProfileSpan span{absl::InfinitePast(), absl::InfiniteFuture(), scenario.rules.interval};
  for (const std::string& path : loads) PW_RETURN_IF_ERROR(Narrow(path, span));
  for (const std::string& path : pvs) PW_RETURN_IF_ERROR(Narrow(path, span));
  PW_RETURN_IF_ERROR(SetTimes(scenario, span.start, days, span.end));
  for (size_t i = 0; i < loads.size(); ++i) {
    const std::string stem = fs::path(loads[i]).stem().string();
    const int index = static_cast<int>(i);
    DemoHousehold household =
        NewHousehold(absl::StrReplaceAll(stem, {{"_", "-"}}), stem, seed, index);
    household.points[0].source = {{"kind", "csv"}, {"path", loads[i]}, {"unit", "W"}};
    if (household.pv_peak_w > 0) {
      household.points[1].source = {{"kind", "csv"},
                                    {"path", pvs[i / 2 % pvs.size()]},
                                    {"unit", "kW_per_kWp"},
                                    {"kwp_milli", household.pv_peak_w}};
    }
    scenario.households.push_back(std::move(household));
  }
  return scenario;
}

absl::StatusOr<Scenario> GeneratedScenario(int households, int days, uint64_t seed) {
  Scenario scenario;
  scenario.seed = seed;
  // 2026-06-01, midnight in Berlin.
  const absl::Time start = absl::FromUnixSeconds(1'780'264'800);
  PW_RETURN_IF_ERROR(SetTimes(scenario, start, days, absl::InfiniteFuture()));
  for (int i = 0; i < households; ++i) {
    const std::string id = absl::StrFormat("h%02d", i + 1);
    DemoHousehold household = NewHousehold(id, absl::StrFormat("Household %02d", i + 1), seed, i);
    const uint64_t annual_kwh = 2'500 + Mix(seed, 3, static_cast<uint64_t>(i)) % 31 * 100;
    household.points[0].source = {{"kind", "generator"},
                                  {"profile", "household"},
                                  {"seed", seed},
                                  {"household", id},
                                  {"annual_kwh", annual_kwh}};
    if (household.pv_peak_w > 0) {
      household.points[1].source = {{"kind", "generator"},
                                    {"profile", "pv"},
                                    {"seed", seed},
                                    {"household", id},
                                    {"kwp_milli", household.pv_peak_w}};
    }
    scenario.households.push_back(std::move(household));
  }
  return scenario;
}

}  // namespace peerwatt::tool
