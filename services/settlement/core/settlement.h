#pragma once

#include <cstdint>
#include <vector>

#include "libs/domain/ids.h"
#include "libs/domain/quantities.h"
#include "services/settlement/core/line.h"

namespace peerwatt::settlement {

/// What a community charges on locally delivered energy.
struct FeeRules {
  int64_t operator_share_ppm = 0;  ///< of a trade's amount, paid by the seller; 0 to 1000000
};

/// Prices of the main grid in the period.
struct GridTariff {
  Price retail;   ///< what a shortfall costs
  Price feed_in;  ///< what a surplus earns
};

/// A grid connection with what its metering points measured in the period.
struct Connection {
  ParticipantId participant;
  GridConnectionId id;
  Energy import_energy;  ///< sum over its points, not negative
  Energy export_energy;  ///< sum over its points, not negative
  bool substituted = false;
};

/// A trade with the connections behind its metering points, as indexes into the connections.
struct ConnectedTrade {
  TradeId id;
  Energy energy;
  Price price;        ///< what the seller gets
  Price network_fee;  ///< what the buyer pays the network operator on top, along the zones' path
  size_t buyer = 0;
  size_t seller = 0;
};

/// All that the settlement of one period depends on.
struct SettlementInput {
  FeeRules fees;
  GridTariff tariff;
  std::vector<Connection> connections;
  std::vector<ConnectedTrade> trades;
};

/// Energy of a period. Drawn = delivered + retail; fed in = delivered + surplus.
struct PeriodTotals {
  Energy drawn;
  Energy fed_in;
  Energy self_consumed;
  Energy delivered;
  Energy retail;
  Energy surplus;
  bool operator==(const PeriodTotals&) const = default;
};

/// What a period comes to, from scratch.
struct SettlementResult {
  std::vector<Line> lines;  ///< ordered by key; none without energy
  PeriodTotals totals;
};

/// Settles one period by policy `as_delivered`.
///
/// Points behind a connection are netted first. What a seller fed in, at most what it sold, is
/// shared over its trades in proportion to their energy by largest remainder, equal remainders to
/// the smaller trade id; the same for what a buyer drew. A trade delivers the lesser of its two
/// shares, at its own price. The rest is bought at the retail price and sold at the feed-in price.
/// Amounts round half to even, once; buyer and seller get the same one. The buyer pays each trade's
/// own network fee on what it delivers: fees and congestion of the lines between the zones and the
/// community's flat fee go to the network operator, whole. The operator's share is
/// taken only from an amount above zero.
/// input: trades in any order, each id once. The result does not depend on the order of its parts.
/// Stops the process when energy is not conserved.
SettlementResult Settle(const SettlementInput& input);

}  // namespace peerwatt::settlement
