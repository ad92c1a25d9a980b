#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "agent/meter_box.h"
#include "libs/base/clock.h"

namespace peerwatt::agent {

/// What a box's configuration file says.
struct BoxConfig {
  std::string device;
  std::string gateway_device_address;
  std::string gateway_grpc_address;
  std::string ca_pem;  ///< contents of `ca_file`
  std::vector<BoxSource> sources;
  bool sign_batches = false;
};

/// Reads a box's configuration, JSON; see docs/agent.md.
/// clock outlives the sources that are made of it.
/// Errors: SETTINGS_INVALID with the path of the field at fault; a field that is not known is one.
absl::StatusOr<BoxConfig> ParseBoxConfig(absl::string_view text, const Clock& clock);

}  // namespace peerwatt::agent
