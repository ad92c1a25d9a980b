#pragma once

#include <vector>

#include "services/settlement/core/peers.h"
#include "services/settlement/core/scheme.h"
#include "services/settlement/core/settlement.h"

namespace peerwatt::settlement {

/// Readings of one period, by point in the order of the members.
using PeriodReadings = std::vector<PointReading>;

/// Whether every point has a reading.
bool IsComplete(const PeriodReadings& readings);

/// Replaces each missing reading by that of the same interval of the previous day, or by zero.
/// Returns how many were replaced and by what points are marked.
struct Substitution {
  PeriodReadings readings;            ///< all with values
  std::vector<bool> substituted;      ///< by point
  int32_t substituted_count = 0;
};
Substitution Substitute(const PeriodReadings& readings, const PeriodReadings& day_before);

/// Brings members, the tariff and scheme in force, readings and trades of one period together.
/// Points behind one connection of one participant become one connection. A trade of a point that
/// is no member meets a connection without energy: as delivered, it delivers nothing and blocks
/// nobody. A connection has the coefficients of its points together, and their lowest rank. The
/// scheme's operator share supersedes the community's, its imbalance prices the tariff.
SettlementInput ComposeInput(const CommunitySnapshot& snapshot, const GridTariff& tariff,
                             const Scheme& scheme, const Substitution& readings,
                             const std::vector<Trade>& trades);

}  // namespace peerwatt::settlement
