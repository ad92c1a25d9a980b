#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "agent/meter.h"

namespace peerwatt::devsim {

/// One device of a fleet.
struct FleetDevice {
  std::string device;  ///< `devices/d-h01`
  std::string enrolment_token;
  std::vector<agent::PointSpec> points;
};

/// The devices that one process plays, and where they report.
struct Fleet {
  std::string gateway_device_address;
  std::string gateway_grpc_address;
  std::string ca_pem;
  absl::Duration interval;
  std::vector<FleetDevice> devices;
};

/// Reads a fleet from JSON, with the profiles and the authority that it names.
/// Errors: FLEET_INVALID with the path of the field at fault (`devices[2].points[0].source.path`);
/// a field that is not known is one.
absl::StatusOr<Fleet> ParseFleet(absl::string_view json);

/// Total energy per metering point over its span, straight from the sources.
/// Errors: TOTAL_TOO_LARGE.
absl::StatusOr<std::map<std::string, Energy>> FleetTotals(const Fleet& fleet);

}  // namespace peerwatt::devsim
