#include "services/registry/core/networks.h"

#include <set>

#include "absl/strings/str_cat.h"
#include "libs/base/error.h"
#include "libs/base/ids.h"
#include "libs/base/status_macros.h"

namespace peerwatt::registry {
namespace {

constexpr char kIdForm[] = "must match [a-z][a-z0-9-]{0,61}[a-z0-9]";
constexpr int64_t kSecondsPerHour = 3600;
// More than any line carries, and energy per interval stays in range.
constexpr int64_t kCapacityMaxW = 1'000'000'000'000;

absl::Status CheckZones(const Network& network) {
  if (network.zones.empty() || network.zones.size() > kZonesMax) {
    return FieldInvalid("network.zones", "must be 1 to 1000 zones");
  }
  std::set<std::string> names;
  for (const std::string& zone : network.zones) {
    if (!IsResourceId(zone)) {
      return FieldInvalid("network.zones", kIdForm);
    }
    if (!names.insert(zone).second) {
      return FieldInvalid("network.zones", absl::StrCat("has ", zone, " twice"));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckCapacity(const std::optional<int64_t>& watts, absl::Duration interval,
                           const std::string& field) {
  if (!watts.has_value()) {
    return absl::OkStatus();
  }
  if (*watts < 0 || *watts > kCapacityMaxW) {
    return FieldInvalid(field, "must be 0 to 1000000000000 W");
  }
  if (*watts * absl::ToInt64Seconds(interval) % kSecondsPerHour != 0) {
    return FieldInvalid(field, "must be whole watt hours per interval");
  }
  return absl::OkStatus();
}

absl::Status CheckLines(const Network& network, const Community& community) {
  if (network.lines.size() > kLinesMax) {
    return FieldInvalid("network.lines", "must be at most 4000 lines");
  }
  const std::set<std::string> zones(network.zones.begin(), network.zones.end());
  for (size_t i = 0; i < network.lines.size(); ++i) {
    const NetworkLine& line = network.lines[i];
    const std::string field = absl::StrCat("network.lines[", i, "].");
    if (!zones.contains(line.from_zone)) {
      return FieldInvalid(field + "from_zone", "must be a zone of the network");
    }
    if (!zones.contains(line.to_zone) || line.to_zone == line.from_zone) {
      return FieldInvalid(field + "to_zone", "must be another zone of the network");
    }
    if (line.fee < Price() || line.fee > kPriceMax) {
      return FieldInvalid(field + "fee_per_kwh", "must be 0 to 1000 per kWh");
    }
    PW_RETURN_IF_ERROR(CheckCapacity(line.capacity_w, community.interval, field + "capacity_w"));
    PW_RETURN_IF_ERROR(
        CheckCapacity(line.reverse_capacity_w, community.interval, field + "reverse_capacity_w"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckNetwork(const Network& network, const Community& community) {
  if (!IsResourceId(network.id.value())) {
    return FieldInvalid("network_id", kIdForm);
  }
  if (!IsOnGrid(network.starts_at, community.interval)) {
    return FieldInvalid("network.start_time", "must be a multiple of the community's interval");
  }
  PW_RETURN_IF_ERROR(CheckZones(network));
  return CheckLines(network, community);
}

bool SameContent(const Network& a, const Network& b) {
  return a.community == b.community && a.id == b.id && a.starts_at == b.starts_at &&
         a.zones == b.zones && a.lines == b.lines && a.tie_rule == b.tie_rule &&
         a.self_trade_mode == b.self_trade_mode;
}

}  // namespace peerwatt::registry
