#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "libs/domain/ids.h"
#include "libs/domain/interval.h"
#include "libs/domain/quantities.h"

namespace peerwatt::market {

using StandingOrderId = Id<struct StandingOrderTag>;
using NetworkId = Id<struct NetworkTag>;
using ZoneId = Id<struct ZoneTag>;
using ContractId = Id<struct ContractTag>;

/// What energy is made from; the numbers are those of the protocol and of clearing.
enum class EnergySource : uint8_t {
  kUnknown,
  kSolar,
  kWind,
  kHydro,
  kBiomass,
  kCogeneration,
  kStorage
};
inline constexpr int kEnergySources = 7;

/// Life cycle of an auction; it only moves forward.
enum class AuctionState { kOpen, kClosed, kCleared };
/// Side of the book.
enum class Side { kBid, kOffer };
/// Life cycle of an order.
enum class OrderState {
  kPending,
  kActive,
  kCancelled,
  kFilled,
  kPartiallyFilled,
  kExpired,
  kRejected
};

/// When an order may trade.
enum class TimeInForce : uint8_t {
  kClosingAuction,     ///< In the closing auction alone.
  kGoodTillClosure,    ///< At once and until gate closure; what rests then is in the auction too.
  kImmediateOrCancel,  ///< At once; what does not trade is cancelled.
  kFillOrKill,         ///< At once and as a whole, or not at all.
};
/// How a trade came about.
enum class TradeOrigin { kAuction, kContinuous, kContract };

/// Names one auction: a community has one per delivery interval.
struct AuctionKey {
  CommunityId community;
  absl::Time delivery_start;
  bool operator==(const AuctionKey&) const = default;
};

/// Orders keys by community, then delivery.
struct AuctionOrder {
  bool operator()(const AuctionKey& a, const AuctionKey& b) const {
    return a.community != b.community ? a.community < b.community
                                      : a.delivery_start < b.delivery_start;
  }
};

/// One clearing for one delivery interval.
struct Auction {
  AuctionKey key;
  absl::Time delivery_end;
  absl::Time gate_closure;
  AuctionState state = AuctionState::kOpen;
  /// Fee the buyer pays on top of the price of its zone; fixed when the auction opens.
  Price network_fee;
  /// The version of the community's network, fixed when the auction opens; empty: one zone.
  NetworkId network;
  /// Set when cleared with trades.
  std::optional<Price> clearing_price;
  Energy cleared_energy;
  int32_t order_count = 0;
  Money welfare;
  int64_t version = 1;
  /// Whether settlement has lowered all holds to what the trades need. Final when true.
  bool holds_reduced = false;
  /// Whether the market was halted at gate closure: then nothing trades.
  bool halted = false;
};

/// What continuous trading adds to an order; empty for one of the closing auction alone.
struct BookPlace {
  TimeInForce time_in_force = TimeInForce::kClosingAuction;
  /// Whether the limit is the bound of the community and not the owner's.
  bool is_market = false;
  /// Energy traded before the closing auction; part of `Order::filled` when the order has ended.
  Energy traded;
  /// What these trades need of the order's hold.
  Money cost;
  /// Its number in the book's events: that of its first event; 0 until it is in the book.
  int64_t number = 0;
  /// The event with which it took its place among the orders of its price.
  int64_t entered = 0;
  /// Who stood behind the participant when it entered.
  ParticipantId owner;
  /// Energy and limit as they were placed, when they were amended since.
  std::optional<Energy> placed_energy;
  std::optional<Price> placed_limit;
};

/// A bid or an offer.
struct Order {
  AuctionKey auction;
  OrderId id;
  Side side = Side::kBid;
  MeteringPointId metering_point;
  GridConnectionId grid_connection;
  ParticipantId participant;
  /// Who stood behind the participant when the gate closed, as OrdersOf reads it; empty before, and
  /// where nobody was recorded: see OwnerOf.
  ParticipantId owner;
  Energy energy;
  Price limit;
  Energy filled;
  /// What must be reserved while the order is in the book; 0 needs no hold.
  Money hold;
  OrderState state = OrderState::kPending;
  /// The participant's standing order that placed it, or empty.
  StandingOrderId standing_order;
  std::string rejection_reason;
  absl::Time create_time;
  /// Where the metering point lay when the order was placed; empty: the first zone.
  ZoneId zone;
  /// What an offer's energy is made from.
  EnergySource source = EnergySource::kUnknown;
  /// What a bid adds to its limit for energy that it prefers; 0 for none.
  Price premium;
  /// Requirements and what the premium is for, as preference.h writes them; empty for none.
  std::string preference;
  /// Where its store has put it: a hint of the store's own that saves a search, or empty.
  std::string place;
  BookPlace book;
  /// The contract that placed it, or empty; then it trades with the contract's other order alone.
  ContractId contract;
  /// What a contract's order trades at within its limits, as contracts/price.h writes it.
  std::string contract_price;
};

/// Whether an order may trade before the closing auction.
inline bool IsContinuous(const Order& order) {
  return order.book.time_in_force != TimeInForce::kClosingAuction;
}
/// Whether an order never rests, so that the closing auction never sees it.
inline bool IsImmediate(const Order& order) {
  return order.book.time_in_force == TimeInForce::kImmediateOrCancel ||
         order.book.time_in_force == TimeInForce::kFillOrKill;
}
/// What an order has not traded before the closing auction.
inline Energy OpenEnergy(const Order& order) { return order.energy - order.book.traded; }

/// The beneficial owner of an order: without a record the participant stands for himself.
inline const ParticipantId& OwnerOf(const Order& order) {
  return order.owner.empty() ? order.participant : order.owner;
}

/// Energy that one offer sells to one bid.
struct Trade {
  /// Counts from 1 within the auction: continuous trades as they come, then the order of the
  /// pairing.
  int32_t number = 0;
  OrderId bid;
  OrderId offer;
  Energy energy;
  /// What the seller gets: the price of its zone, or of the contract.
  Price price;
  /// The price of the buyer's zone: at least `price`. Of a contract: with the fees of lines.
  Price buyer_price;
  /// What the buyer pays the network on top of `price`: the difference of the two prices and the
  /// auction's fee.
  Price network_fee;
  MeteringPointId buyer_metering_point;
  MeteringPointId seller_metering_point;
  ParticipantId buyer;
  ParticipantId seller;
  TradeOrigin origin = TradeOrigin::kAuction;
};

/// How a standing order goes about it, besides its prices at gate closure.
struct AutopilotTerms {
  /// Ramp: the limits at the opening of the auction; absent: the price at gate closure throughout.
  std::optional<Price> bid_start_price;
  std::optional<Price> offer_start_price;
  /// Share of a shortfall that is bid for, and of a surplus that is offered, above the reserve.
  int64_t bid_share_ppm = 1'000'000;
  int64_t offer_share_ppm = 1'000'000;
  /// Energy per interval that is not bid for, and that is kept back.
  Energy bid_reserve;
  Energy offer_reserve;
  /// What its bids add to the limit for energy that they prefer; 0 for none.
  Price premium;
  /// Preferences of its bids and of its offers, as preference.h writes them; empty for none.
  std::string bid_preference;
  std::string offer_preference;
  /// Most that its orders for the deliveries of a local day may cost at worst; absent: no bound.
  std::optional<Money> daily_cost_max;
  /// When it orders, as autopilot/calendar.h writes it; empty: always.
  std::string calendar;
  bool paused = false;
  bool operator==(const AutopilotTerms&) const = default;
};

/// An autopilot that bids or offers the forecast of a grid connection.
struct StandingOrder {
  CommunityId community;
  ParticipantId participant;
  StandingOrderId id;
  MeteringPointId metering_point;
  GridConnectionId grid_connection;
  std::optional<Price> bid_price;
  std::optional<Price> offer_price;
  AutopilotTerms terms;
  /// Counts from 1 with every change.
  int32_t version = 1;
  /// Since when this version counts: for auctions whose gate closes later.
  absl::Time version_time;
  bool active = true;
  absl::Time create_time;
};

/// What the registry says about a community.
struct CommunityRules {
  CommunityId id;
  std::string currency;
  absl::Duration interval;
  absl::Time trading_start;
  absl::Duration opening_lead;
  absl::Duration gate_closure_lead;
  Price network_fee;
  Price price_min;
  Price price_max;
  /// IANA name; empty: UTC.
  std::string time_zone;
};

/// A metering point with all that a decision about it needs.
struct Member {
  MeteringPointId metering_point;
  ParticipantId participant;
  CommunityId community;
  GridConnectionId grid_connection;
  bool approved = false;
  int64_t import_capacity_w = 0;
  int64_t export_capacity_w = 0;
  /// Empty: the first zone of the community's network.
  ZoneId zone;
  EnergySource source = EnergySource::kUnknown;
};

/// A community and its metering points at one instant.
struct CommunitySnapshot {
  CommunityRules rules;
  std::vector<Member> members;
};

/// Where a participant trades.
struct ParticipantContext {
  ParticipantId participant;
  CommunityId community;
  std::string currency;
  bool approved = false;
};

/// What is likely to flow at a metering point in one interval.
struct Forecast {
  Energy imported;
  Energy exported;
};

/// Money to reserve for an order.
struct Hold {
  absl::Time delivery_start;
  OrderId order;
  ParticipantId participant;
  Money amount;
};

/// What is still needed of an order's hold; 0 releases it.
struct HoldReduction {
  OrderId order;
  Money amount;
};

}  // namespace peerwatt::market
