#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "libs/domain/ids.h"
#include "libs/domain/quantities.h"
#include "services/market/core/contracts/values.h"
#include "services/market/core/forecast.h"
#include "services/market/core/model.h"
#include "services/market/core/network.h"
#include "services/market/core/preference.h"

namespace peerwatt::market {

/// Bounds of a community's orders, besides those of the registry's rules.
struct OrderLimits {
  Price price_min = Price::MicrosPerKwh(-1'000'000'000);
  Price price_max = Price::MicrosPerKwh(1'000'000'000);
  Energy energy_min = Energy::WattHours(1);
  Energy energy_max = kEnergyMax;
  /// Open orders of one participant in one interval.
  int32_t open_orders_max = 1'000'000;
  /// Whether orders may trade before the closing auction.
  bool continuous_trading = false;
  bool operator==(const OrderLimits&) const = default;
};

/// One version of the limits; it counts for deliveries that start at `valid_from` or later.
struct LimitsVersion {
  int32_t version = 0;
  absl::Time valid_from;
  OrderLimits limits;
  std::string created_by;
  absl::Time created_at;
};

/// The limits that count for a delivery: the newest version that is valid then, else none.
/// versions: in their order.
OrderLimits LimitsAt(const std::vector<LimitsVersion>& versions, absl::Time delivery_start);

/// What an operator set for a community, as of one transaction.
struct Controls {
  bool halted = false;
  std::string halt_reason;
  std::vector<LimitsVersion> limits;
};

/// A participant who may not trade.
struct KillSwitch {
  ParticipantId participant;
  std::string reason;
  std::string set_by;
  absl::Time set_at;
  /// Whether an operator set it; then only an operator lifts it.
  bool by_operator = false;
};

/// What happened to the controls of a community.
struct ControlEvent {
  int64_t number = 0;
  /// HALT, RESUME, KILL, LIFT or LIMITS.
  std::string action;
  /// Whom it concerned; empty for the whole community.
  ParticipantId participant;
  std::string reason;
  std::string actor;
  absl::Time time;
};

/// What contracts and standing orders meet when an auction closes, or the latter at a step of their
/// ramps.
struct Closing {
  /// Energy that open offers hold, by connection.
  OfferedByConnection offered;
  /// What their owners have already.
  CommittedByConnection committed;
  /// What the day has cost at worst so far, of those that bound it.
  CostByStandingOrder costs;
  bool halted = false;
  std::set<ParticipantId> killed;
  OrderLimits limits;
  /// The different preferences of orders placed by hand.
  PreferenceLoad load;
  /// What contracts have placed, counted in `offered` too.
  ContractedByConnection contracted;
  /// Contracts that may be due. They stay as they are until the auction is closed.
  std::vector<Contract> contracts;
  /// Who stands behind their parties, as recorded before gate closure, where it is not themselves.
  std::map<ParticipantId, ParticipantId> owners;
};

/// What the auction of an order looks like to it when it is placed.
struct Placing {
  /// Absent when there is no such auction.
  std::optional<Auction> auction;
  /// Energy that open offers of the order's connection hold there.
  Energy offered;
  /// Open orders of the order's participant there.
  int32_t open_orders = 0;
  bool halted = false;
  std::string halt_reason;
  /// Whether the participant's kill switch is set.
  bool is_killed = false;
  OrderLimits limits;
  /// The auction's network when the order prefers something or is continuous; else null.
  std::shared_ptr<const NetworkVersion> network;
  /// The preferences of its orders; then also whether that of the order is one of them.
  PreferenceLoad load;
  bool is_preference_known = false;
};

}  // namespace peerwatt::market
