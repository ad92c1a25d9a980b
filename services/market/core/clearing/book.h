#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/numeric/int128.h"
#include "libs/domain/quantities.h"

// The plain values of a clearing: what goes in and what comes out. No code that decides anything,
// so that the engine and its checker can both read them.
namespace peerwatt::market::clearing {

/// Which side of the book an order stands on.
enum class Way : uint8_t { kBuy = 0, kSell = 1 };

/// One order, packed into 16 bytes, because books of ten million are walked. Time priority is the
/// position in the book: earlier first.
struct Entry {
  /// 1 to kEnergyMax.
  Energy energy;
  /// Micro-units per kWh, within kPriceMax either way.
  int32_t limit = 0;
  /// The beneficial owner's number, below 2^31, doubled; one more for an offer. Accounts of one
  /// owner share the number.
  uint32_t owner_and_way = 0;

  uint32_t owner() const { return owner_and_way >> 1; }
  Way way() const { return static_cast<Way>(owner_and_way & 1); }
};

/// Packs an order.
inline Entry MakeEntry(Way way, uint32_t owner, Energy energy, Price limit) {
  return {energy, static_cast<int32_t>(limit.micros_per_kwh()),
          owner << 1 | static_cast<uint32_t>(way)};
}

/// A line between two zones. Either direction costs the fee and has its own capacity.
struct Edge {
  uint32_t from = 0;
  uint32_t to = 0;
  /// Micro-units per kWh moved, not negative.
  int32_t fee = 0;
  /// Most energy in the direction from → to; none means no limit.
  std::optional<Energy> capacity;
  /// Most energy in the direction to → from.
  std::optional<Energy> capacity_back;
};

/// The zones of a community and the lines between them.
struct Network {
  uint32_t zones = 1;
  std::vector<Edge> edges;
};

/// Who trades among orders of equal limit when not all can.
enum class TieRule {
  kTime,     ///< The earlier first.
  kProRata,  ///< In proportion to energy, by largest remainder; equal remainders: earlier first.
};

/// What happens when an owner would have to trade with himself.
enum class SelfTradeMode {
  kKeepGreaterWelfare,  ///< Bids or offers are withdrawn, whichever leaves the greater welfare.
  kWithdrawBids,        ///< The owner's bids are withdrawn, worst first.
  kWithdrawOffers,      ///< The owner's offers are withdrawn, worst first.
};

/// The community's choices.
struct Rules {
  TieRule tie_rule = TieRule::kTime;
  SelfTradeMode self_trade_mode = SelfTradeMode::kKeepGreaterWelfare;
};

/// The dual of a zone: prices that support the outcome.
struct ZonePrice {
  /// What is paid and received in the zone, micro-units per kWh: low and high halved, down.
  int64_t price = 0;
  /// The lowest and the highest price that support the outcome.
  int64_t low = 0;
  int64_t high = 0;
};

/// What moves over an edge, and what a watt hour more of room on it would be worth.
struct EdgeFlow {
  /// From → to when positive, to → from when negative.
  int64_t energy_wh = 0;
  /// Micro-units per kWh beyond the fee, of the direction in which the edge is full; 0 otherwise.
  int64_t congestion = 0;
};

/// The outcome of one auction, primal and dual.
struct Outcome {
  /// What each order trades, in the order of the book.
  std::vector<Energy> fills;
  /// Energy withdrawn to keep owners from trading with themselves; empty when none is.
  std::vector<Energy> withdrawn;
  /// Energy bought, which is energy sold.
  Energy energy;
  /// Limits of bids times energy less limits of offers times energy less fees: in thousandths of a
  /// micro-unit, exactly.
  absl::int128 welfare_milli_micros = 0;
  std::vector<ZonePrice> zones;
  std::vector<EdgeFlow> flows;
};

/// Energy that the offer at one position of the book sells to the bid at another.
struct Pair {
  uint32_t bid = 0;
  uint32_t offer = 0;
  Energy energy;
};

/// What a partner must be, all of it. Empty lists ask for nothing.
struct Condition {
  /// One bit per type of energy; only what offers sell has a type.
  uint32_t types = ~uint32_t{0};
  std::vector<uint32_t> zones;
  /// Accounts it may be.
  std::vector<uint32_t> partners;
  /// Accounts it must not be.
  std::vector<uint32_t> excluded;
};

/// What an order requires and what it would pay more for.
struct Preference {
  /// One of these must hold; empty when the order trades with anybody.
  std::vector<Condition> any_of;
  /// Micro-units per kWh that a bid adds to its limit for energy of these types, or, if it is to be
  /// local, from its own zone. Both when both are asked for.
  int32_t premium = 0;
  uint32_t premium_types = 0;
  bool premium_local = false;
};

/// An order with its preference.
struct Request {
  Entry entry;
  uint32_t zone = 0;
  /// Type of the energy offered, 0 to 31.
  uint8_t type = 0;
  /// Position in the list of preferences.
  uint32_t preference = 0;
  /// Number of the account that the owner trades through. Preferences are about accounts: who
  /// stands behind one is not for everybody to know.
  uint32_t account = 0;
};

/// Energy that one offer sells to one bid.
struct Deal {
  uint32_t bid = 0;
  uint32_t offer = 0;
  Energy energy;
  /// What the seller gets; the buyer pays it and the fee: what energy costs more in the bid's zone.
  /// Below 0 where the deal relieves the lines.
  int64_t price = 0;
  int64_t fee = 0;
};

/// The outcome of an auction with preferences.
struct PreferenceOutcome {
  /// Its welfare counts premiums that were met. A zone's price is that of energy there, alike
  /// everywhere but for lines; what an order asks or bids for is that and its surcharge.
  Outcome outcome;
  std::vector<Deal> deals;
  /// Energy of orders that require something, and what of it is traded: always as required.
  Energy requiring;
  Energy requiring_traded;
  /// Energy traded by bids that offer a premium, and what of it met the premium's wish.
  Energy premium_traded;
  Energy premium_met;
  /// By order, micro-units per kWh: the dual of its kind. An offer's energy is sold at the price of
  /// its zone and this; a bid trades when its limit reaches the price of its zone and this.
  std::vector<int64_t> surcharges;
  /// Owners whose offers were kept from their own bids while the optimum was looked for; others
  /// need not be.
  std::vector<uint32_t> apart;
};

}  // namespace peerwatt::market::clearing
