#pragma once

#include <vector>

#include "absl/time/time.h"
#include "libs/domain/ids.h"
#include "libs/domain/interval.h"
#include "services/settlement/core/line.h"
#include "services/settlement/core/tariff.h"

namespace peerwatt::settlement {

/// A metering point with who answers for it.
struct Member {
  MeteringPointId point;
  ParticipantId participant;
  GridConnectionId connection;
  // A connection is a member from the first of its points to the last, a participant likewise.
  absl::Time joined_at = absl::InfinitePast();
  absl::Time left_at = absl::InfiniteFuture();
};

/// What charges besides energy depend on.
struct ChargeInput {
  const Tariff* tariff = nullptr;      ///< in force at the period's start; none: nothing is charged
  const std::vector<Member>& members;  ///< any order
  Interval period;
  absl::TimeZone zone;       ///< of the community
  absl::Time trading_start;  ///< start of the community's first period
};

/// Adds the lines of subscriptions and fees per piece to those of a period.
///
/// A day of membership is charged at the period in which it begins: the first of the local day, of
/// the membership, or of the community. It costs the month price ÷ the days of the month, six
/// decimals, a half away from zero, so a day of 23 or 25 hours costs as much as any other. A fee
/// per month is charged with the first day of membership in it, in full. A fee per trade is charged
/// for each purchase, and each sale, that has energy. Who is charged per participant has a line
/// without a connection. lines: in the order of their keys, and so they stay; none of these kinds.
void AddCharges(const ChargeInput& input, std::vector<Line>& lines);

}  // namespace peerwatt::settlement
