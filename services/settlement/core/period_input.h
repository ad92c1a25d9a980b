#pragma once

#include <vector>

#include "services/settlement/core/peers.h"
#include "services/settlement/core/scheme.h"
#include "services/settlement/core/settlement.h"

namespace peerwatt::settlement {

/// Readings of one period, by point in the order of the members.
using PeriodReadings = std::vector<PointReading>;

/// Whether every point has a reading of which one is expected.
bool IsComplete(const PeriodReadings& readings);

/// Most energy that a point can have moved in a period: its greatest capacity for an hour. More is
/// absurd, and so is less than zero.
inline constexpr Energy kReadingMax = Energy::WattHours(1'000'000'000);

/// Marks a reading that cannot be.
PointReading Screened(PointReading reading);

/// Whether any reading cannot be.
bool HasAbsurd(const PeriodReadings& readings);

/// Replaces each missing or absurd reading by that of the same interval of the previous day, or by
/// zero. Returns how many were replaced and by what points are marked.
struct Substitution {
  PeriodReadings readings;            ///< all with values
  std::vector<bool> substituted;      ///< by point
  int32_t substituted_count = 0;
  int32_t absurd_count = 0;  ///< of these
};
Substitution Substitute(const PeriodReadings& readings, const PeriodReadings& day_before);

/// Brings members, the tariff and scheme in force, readings and trades of one period together.
/// Points behind one connection of one participant become one connection. A trade of a point that
/// is no member, or is somebody else's by now, meets a connection without energy of who traded: as
/// delivered, it delivers nothing and blocks nobody. A connection has the coefficients of its
/// points together, and their lowest rank. The scheme's operator share supersedes the community's,
/// its imbalance prices the tariff.
SettlementInput ComposeInput(const CommunitySnapshot& snapshot, const GridTariff& tariff,
                             const Scheme& scheme, const Substitution& readings,
                             const std::vector<Trade>& trades);

}  // namespace peerwatt::settlement
