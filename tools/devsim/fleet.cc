#include "tools/devsim/fleet.h"

#include <memory>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/config_node.h"
#include "agent/csv_profile.h"
#include "agent/disk.h"
#include "agent/generator.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "nlohmann/json.hpp"

namespace peerwatt::devsim {
namespace {

using agent::ConfigNode;
using nlohmann::json;

constexpr ErrorReason kFleetInvalid{"FLEET_INVALID", absl::StatusCode::kInvalidArgument};

// Builds sources; a profile that several points use is read once.
class Sources {
 public:
  absl::StatusOr<std::shared_ptr<const agent::ReadingSource>> Build(const ConfigNode& node) {
    if (!node.Has("kind")) return node.Field("kind").Bad("is missing");
    PW_ASSIGN_OR_RETURN(const std::string kind, node.Field("kind").Text());
    if (kind == "csv") return Csv(node);
    if (kind == "generator") return Generator(node);
    return node.Field("kind").Bad("is neither csv nor generator");
  }

 private:
  using Result = absl::StatusOr<std::shared_ptr<const agent::ReadingSource>>;

  Result Csv(const ConfigNode& node) {
    PW_RETURN_IF_ERROR(node.CheckFields({"kind", "path", "unit", "kwp_milli"}));
    PW_ASSIGN_OR_RETURN(const std::string path, node.Field("path").Text());
    PW_ASSIGN_OR_RETURN(const std::string unit, node.Field("unit").Text());
    auto& profile = profiles_[path];
    if (profile == nullptr) {
      auto loaded = agent::CsvProfile::Load(path);
      if (!loaded.ok())
        return node.Field("path").Bad(absl::StrCat(": ", loaded.status().message()));
      profile = std::make_shared<const agent::CsvProfile>(*std::move(loaded));
    }
    absl::StatusOr<std::unique_ptr<agent::CsvSource>> source;
    if (unit == "W") {
      source = agent::CsvSource::Watts(profile);
    } else if (unit == "kW_per_kWp") {
      // A thousandth of a kilowatt peak is a watt peak.
      PW_ASSIGN_OR_RETURN(const int64_t peak_w, node.Field("kwp_milli").Number(1, 1'000'000'000));
      source = agent::CsvSource::KilowattsPerPeak(profile, peak_w);
    } else {
      return node.Field("unit").Bad("is neither W nor kW_per_kWp");
    }
    if (!source.ok()) return node.Bad(absl::StrCat(": ", source.status().message()));
    return std::shared_ptr<const agent::ReadingSource>(*std::move(source));
  }

  static Result Generator(const ConfigNode& node) {
    PW_RETURN_IF_ERROR(node.CheckFields(
        {"kind", "profile", "seed", "household", "annual_kwh", "kwp_milli"}));
    PW_ASSIGN_OR_RETURN(const std::string profile, node.Field("profile").Text());
    PW_ASSIGN_OR_RETURN(const std::string household, node.Field("household").Text());
    PW_ASSIGN_OR_RETURN(const int64_t seed, node.Field("seed").Number(0, int64_t{1} << 62));
    const auto key = static_cast<uint64_t>(seed);
    if (profile == "household") {
      PW_ASSIGN_OR_RETURN(const int64_t kwh, node.Field("annual_kwh").Number(100, 100'000));
      PW_ASSIGN_OR_RETURN(std::shared_ptr<const agent::ReadingSource> source,
                          agent::HouseholdSource::New(key, household, kwh));
      return source;
    }
    if (profile != "pv") return node.Field("profile").Bad("is neither household nor pv");
    PW_ASSIGN_OR_RETURN(const int64_t peak_w, node.Field("kwp_milli").Number(1, 10'000'000));
    PW_ASSIGN_OR_RETURN(std::shared_ptr<const agent::ReadingSource> source,
                        agent::PvSource::New(key, household, peak_w));
    return source;
  }

  std::map<std::string, std::shared_ptr<const agent::CsvProfile>> profiles_;
};

absl::StatusOr<agent::PointSpec> ParsePoint(const ConfigNode& node, absl::Duration interval,
                                            Sources& sources) {
  PW_RETURN_IF_ERROR(
      node.CheckFields({"metering_point", "register", "source", "start_time", "end_time"}));
  agent::PointSpec point;
  PW_ASSIGN_OR_RETURN(point.metering_point, node.Field("metering_point").Name("meteringPoints"));
  PW_ASSIGN_OR_RETURN(const std::string direction, node.Field("register").Text());
  if (direction != "import" && direction != "export") {
    return node.Field("register").Bad("is neither import nor export");
  }
  point.direction = direction == "import" ? agent::Direction::kImport : agent::Direction::kExport;
  PW_ASSIGN_OR_RETURN(point.source, sources.Build(node.Field("source")));
  PW_ASSIGN_OR_RETURN(point.span.start, node.Field("start_time").Instant());
  PW_ASSIGN_OR_RETURN(point.span.end, node.Field("end_time").Instant());
  for (const char* field : {"start_time", "end_time"}) {
    PW_ASSIGN_OR_RETURN(const absl::Time time, node.Field(field).Instant());
    if (!IsOnGrid(time, interval)) return node.Field(field).Bad("is not on the interval grid");
  }
  if (point.span.start >= point.span.end)
    return node.Field("end_time").Bad("is not after the start");
  return point;
}

}  // namespace

absl::StatusOr<Fleet> ParseFleet(absl::string_view text) {
  const json document = json::parse(text.begin(), text.end(), nullptr, false);
  const ConfigNode root(document, "", "the fleet", kFleetInvalid);
  if (document.is_discarded()) return root.Bad("is not JSON");
  PW_RETURN_IF_ERROR(root.CheckFields({"gateway_device_address", "gateway_grpc_address", "ca_file",
                                       "interval_seconds", "devices"}));
  Fleet fleet;
  PW_ASSIGN_OR_RETURN(fleet.gateway_device_address, root.Field("gateway_device_address").Text());
  PW_ASSIGN_OR_RETURN(fleet.gateway_grpc_address, root.Field("gateway_grpc_address").Text());
  PW_ASSIGN_OR_RETURN(const std::string ca_file, root.Field("ca_file").Text());
  auto ca_pem = agent::ReadWholeFile(ca_file);
  if (!ca_pem.ok()) return root.Field("ca_file").Bad(absl::StrCat(": ", ca_pem.status().message()));
  fleet.ca_pem = *std::move(ca_pem);
  PW_ASSIGN_OR_RETURN(const int64_t seconds, root.Field("interval_seconds").Number(300, 3600));
  fleet.interval = absl::Seconds(seconds);
  if (!IsIntervalLength(fleet.interval)) {
    return root.Field("interval_seconds").Bad("is not 300, 900, 1800 or 3600");
  }
  Sources sources;
  std::set<std::string> names;
  PW_ASSIGN_OR_RETURN(const std::vector<ConfigNode> devices, root.Field("devices").Items());
  for (const ConfigNode& node : devices) {
    PW_RETURN_IF_ERROR(node.CheckFields({"device", "enrolment_token", "points"}));
    FleetDevice device;
    PW_ASSIGN_OR_RETURN(device.device, node.Field("device").Name("devices"));
    if (!names.insert(device.device).second) return node.Field("device").Bad("is listed twice");
    PW_ASSIGN_OR_RETURN(device.enrolment_token, node.Field("enrolment_token").Text());
    PW_ASSIGN_OR_RETURN(const std::vector<ConfigNode> points, node.Field("points").Items());
    for (const ConfigNode& at : points) {
      PW_ASSIGN_OR_RETURN(agent::PointSpec point, ParsePoint(at, fleet.interval, sources));
      if (!names.insert(point.metering_point).second) {
        return at.Field("metering_point").Bad("is listed twice");
      }
      device.points.push_back(std::move(point));
    }
    fleet.devices.push_back(std::move(device));
  }
  return fleet;
}

absl::StatusOr<std::map<std::string, Energy>> FleetTotals(const Fleet& fleet) {
  std::map<std::string, Energy> totals;
  for (const FleetDevice& device : fleet.devices) {
    for (const agent::PointSpec& point : device.points) {
      PW_ASSIGN_OR_RETURN(totals[point.metering_point],
                          agent::TotalEnergyWh(*point.source, point.span, fleet.interval));
    }
  }
  return totals;
}

}  // namespace peerwatt::devsim
