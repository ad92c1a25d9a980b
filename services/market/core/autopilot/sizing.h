#pragma once

#include <cstdint>
#include <optional>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "libs/domain/quantities.h"
#include "services/market/core/autopilot/calendar.h"
#include "services/market/core/model.h"

namespace peerwatt::market {

/// Why a standing order orders nothing for a delivery, in the order in which this is looked at. The
/// numbers are kept in plans and sent.
enum class SizingReason : int8_t {
  kOrders = 0,              ///< It does order.
  kPaused = 1,
  kOutsideCalendar = 2,
  kForecastMissing = 3,
  kBalanced = 4,            ///< Neither surplus nor shortfall.
  kSideNotWanted = 5,       ///< No price for this side.
  kPriceRefused = 6,        ///< The community allows no such limit.
  kPreferenceRefused = 7,   ///< The network cannot honour the preferences.
  kWithinReserve = 8,       ///< The reserve takes it all, or the share leaves nothing.
  kCommitted = 9,           ///< The owner has as much in trades and orders already.
  kConnectionFull = 10,     ///< The grid connection carries no more.
  kDailyCostReached = 11,   ///< Nothing is left of the day's worst-case cost.
  kBelowOrderMinimum = 12,  ///< Less than the smallest order that the community allows.
};
inline constexpr int kSizingReasons = 13;

/// Energy of a grid connection that its owner has in trades and open orders of an auction.
struct Committed {
  Energy bought;
  Energy sold;
};

/// What a standing order meets at one delivery.
struct SizingFacts {
  /// When the delivery starts.
  absl::Time delivery_start;
  /// What the connection is expected to feed in (positive) or draw; absent when not known.
  std::optional<Energy> net;
  Committed committed;
  /// What the connection can draw and feed in, and what offers of it hold already.
  Energy draw_max;
  Energy feed_in_max;
  Energy offered;
  Price network_fee;
  /// Bounds of orders.
  Price price_min = Price() - kPriceMax;
  Price price_max = kPriceMax;
  Energy energy_min = Energy::WattHours(1);
  Energy energy_max = kEnergyMax;
  /// What is left of the day's worst-case cost; absent: no bound.
  std::optional<Money> cost_left;
  /// Whether the network can honour the preferences of a bid and of an offer.
  bool bid_preference_is_clear = true;
  bool offer_preference_is_clear = true;
  /// The step of the ramp; kRampSteps for the order at gate closure.
  int32_t ramp_step = 0;
};

/// The order of a standing order for one delivery. Without an order the reason says why, and the
/// energy is 0.
struct Sizing {
  SizingReason reason = SizingReason::kOrders;
  Side side = Side::kBid;
  Energy energy;
  Price limit;
  /// What the order costs if all of it trades at its limit, at least 0: its hold.
  Money worst_cost;
  bool operator==(const Sizing&) const = default;
};

/// Sizes the order of a standing order: of the surplus, or shortfall, less the reserve the share,
/// rounded down; less what is committed on the same side; at most what the connection carries
/// besides, the largest order, and what is left of the day's worst-case cost. Commitments on the
/// other side change nothing.
/// calendar: that of the order; community_zone: where it names none. Pure; the result does not
/// depend on other standing orders.
Sizing SizeOrder(const StandingOrder& order, const AutopilotCalendar& calendar,
                 const absl::TimeZone& community_zone, const SizingFacts& facts);

/// What energy at this limit can cost at worst, rounded up, at least 0: a bid its limit, premium
/// and the network fee, an offer what it would pay at a negative limit.
Money WorstCost(Side side, Energy energy, Price limit, Price premium, Price network_fee);

/// Checks what its owner says about a standing order, besides the bounds of prices.
/// Errors, in this order: TERMS_INVALID (kInvalidArgument): a share outside 0 to 1000000 ppm, a
/// reserve below 0 or above kEnergyMax, a ramp without its price at gate closure, a bid's ramp that
/// falls or an offer's that rises, a daily cost below 0; CALENDAR_INVALID.
absl::Status CheckTerms(const StandingOrder& order);

}  // namespace peerwatt::market
