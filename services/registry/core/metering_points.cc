#include "services/registry/core/metering_points.h"

#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/error.h"
#include "libs/base/ids.h"
#include "libs/base/status_macros.h"

namespace peerwatt::registry {
namespace {

constexpr int64_t kCapacityMaxW = 1'000'000'000;
constexpr std::array<std::pair<EnergySource, const char*>, 7> kSourceNames = {{
    {EnergySource::kUnknown, "UNKNOWN"},
    {EnergySource::kSolar, "SOLAR"},
    {EnergySource::kWind, "WIND"},
    {EnergySource::kHydro, "HYDRO"},
    {EnergySource::kBiomass, "BIOMASS"},
    {EnergySource::kCogeneration, "COGENERATION"},
    {EnergySource::kStorage, "STORAGE"},
}};
constexpr char kIdForm[] = "must match [a-z][a-z0-9-]{0,61}[a-z0-9]";

absl::Status CheckCapacity(int64_t watts, absl::string_view field) {
  if (watts < 0 || watts > kCapacityMaxW) return FieldInvalid(field, "must be 0 to 1000000000 W");
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<MeteringPoint> CheckNewMeteringPoint(MeteringPoint asked) {
  if (!IsResourceId(asked.id.value())) return FieldInvalid("metering_point_id", kIdForm);
  if (asked.grid_connection.empty()) asked.grid_connection = GridConnectionId(asked.id.value());
  if (!IsResourceId(asked.grid_connection.value())) {
    return FieldInvalid("metering_point.grid_connection", kIdForm);
  }
  PW_RETURN_IF_ERROR(CheckCapacity(asked.import_capacity_w, "metering_point.import_capacity_w"));
  PW_RETURN_IF_ERROR(CheckCapacity(asked.export_capacity_w, "metering_point.export_capacity_w"));
  if (asked.import_capacity_w == 0 && asked.export_capacity_w == 0) {
    return FieldInvalid("metering_point.import_capacity_w",
                        "must be positive when export_capacity_w is 0");
  }
  PW_RETURN_IF_ERROR(CheckZone(asked.zone, "metering_point.zone"));
  if (asked.is_boundary && asked.energy_source != EnergySource::kUnknown) {
    return FieldInvalid("metering_point.energy_source", "must be absent of a boundary");
  }
  return asked;
}

absl::Status CheckZone(const std::string& zone, absl::string_view field) {
  if (!zone.empty() && !IsResourceId(zone)) return FieldInvalid(field, kIdForm);
  return absl::OkStatus();
}

std::string NameOf(EnergySource source) {
  for (const auto& [known, name] : kSourceNames) {
    if (known == source) return name;
  }
  return kSourceNames[0].second;
}

EnergySource EnergySourceFromName(const std::string& name) {
  for (const auto& [source, known] : kSourceNames) {
    if (known == name) return source;
  }
  return EnergySource::kUnknown;
}

bool SameContent(const MeteringPoint& a, const MeteringPoint& b) {
  return a.id == b.id && a.participant == b.participant && a.grid_connection == b.grid_connection &&
         a.import_capacity_w == b.import_capacity_w && a.export_capacity_w == b.export_capacity_w &&
         a.zone == b.zone && a.energy_source == b.energy_source && a.is_boundary == b.is_boundary;
}

}  // namespace peerwatt::registry
