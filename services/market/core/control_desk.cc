#include "services/market/core/control_desk.h"

#include <map>

#include "libs/base/error.h"
#include "libs/base/status_macros.h"

namespace peerwatt::market {

absl::StatusOr<std::vector<CancelledOrder>> KillAndRelease(ControlStore& store,
                                                           Settlement& settlement,
                                                           const CommunityId& community,
                                                           const ParticipantId& participant,
                                                           const Act& act) {
  PW_ASSIGN_OR_RETURN(std::vector<CancelledOrder> cancelled,
                      store.Kill(community, participant, act));
  std::map<AuctionKey, std::vector<HoldReduction>, AuctionOrder> releases;
  for (const CancelledOrder& order : cancelled) {
    if (order.hold > Money()) {
      releases[order.auction].push_back({order.id, order.needed});
    }
  }
  for (const auto& [auction, reductions] : releases) {
    PW_RETURN_IF_ERROR(settlement.ReduceHolds(auction, reductions));
  }
  return cancelled;
}

absl::Status CheckLimits(const LimitsVersion& version) {
  const OrderLimits& limits = version.limits;
  if (version.version < 1) {
    return FieldInvalid("order_limits.version", "must be at least 1");
  }
  if (limits.price_min > limits.price_max) {
    return FieldInvalid("order_limits.price_min_per_kwh", "must not be above the highest price");
  }
  if (limits.energy_min < Energy::WattHours(1) || limits.energy_min > limits.energy_max) {
    return FieldInvalid("order_limits.energy_wh_min", "must be from 1 to energy_wh_max");
  }
  if (limits.energy_max > kEnergyMax) {
    return FieldInvalid("order_limits.energy_wh_max", "is more than any order may have");
  }
  if (limits.open_orders_max < 1) {
    return FieldInvalid("order_limits.open_orders_max", "must be at least 1");
  }
  return absl::OkStatus();
}

}  // namespace peerwatt::market
