#include "tools/devsim/status.h"

#include <algorithm>

#include "nlohmann/json.hpp"

namespace peerwatt::devsim {

void FleetStatus::Add(const agent::AgentStatus& device) {
  last_end_ = std::max(last_end_, device.acknowledged_through);
  if (!device.finished) {
    finished = false;
    acknowledged_through = std::min(acknowledged_through, device.acknowledged_through);
  }
  readings_acknowledged += device.readings_acknowledged;
  readings_refused += device.readings_refused;
  devices_connected += device.stream.connected ? 1 : 0;
  reconnects += std::max<int64_t>(device.stream.connections - 1, 0);
  for (const auto& [point, total] : device.acknowledged) energy[point] += total;
}

std::string FleetStatus::ToJson() const {
  const absl::Time through = finished ? last_end_ : acknowledged_through;
  nlohmann::json json;
  json["acknowledged_through"] =
      absl::FormatTime(absl::RFC3339_full, through, absl::UTCTimeZone());
  json["acknowledged_through_micros"] = absl::ToUnixMicros(through);
  json["readings_acknowledged"] = readings_acknowledged;
  json["readings_refused"] = readings_refused;
  json["devices_connected"] = devices_connected;
  json["devices_enrolled"] = devices_enrolled;
  json["reconnects"] = reconnects;
  json["finished"] = finished;
  json["failures"] = failures;
  json["per_point_wh"] = nlohmann::json::object();
  for (const auto& [point, total] : energy) json["per_point_wh"][point] = total.wh();
  return json.dump() + "\n";
}

}  // namespace peerwatt::devsim
