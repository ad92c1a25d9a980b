#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "libs/domain/interval.h"
#include "libs/domain/quantities.h"
#include "services/settlement/core/line.h"
#include "services/settlement/core/member.h"
#include "services/settlement/core/tariff.h"

namespace peerwatt::settlement {

/// What charges besides energy depend on.
struct ChargeInput {
  const Tariff* tariff = nullptr;      ///< in force at the period's start; none: nothing is charged
  const std::vector<Member>& members;  ///< of the period; any order
  const std::vector<FormerMember>& former;  ///< of the period's local month; any order
  Interval period;
  absl::TimeZone zone;       ///< of the community
  absl::Time trading_start;  ///< start of the community's first period
};

/// Adds the lines of subscriptions and fees per piece to those of a period.
///
/// A day of membership is charged at the period in which its first moment is: the first of the
/// local day, of the membership, or of the community. It costs the month price ÷ the days of the
/// month, six decimals, a half away from zero, so a day of 23 or 25 hours costs as much as any
/// other, and who leaves and returns on a day pays it once. A fee per month is charged with the
/// first moment of membership in it, in full. A fee per trade is charged for each purchase, and
/// each sale, that has energy. Who is charged per participant has a line without a connection; a
/// connection, like a participant, is a member while one of its points is.
/// lines: in the order of their keys, and so they stay; none of these kinds.
void AddCharges(const ChargeInput& input, std::vector<Line>& lines);

/// A part of a charge: a price, or its part for one of several days.
struct ChargePart {
  std::string rule_id;  ///< as `Line::rule_id`
  Money price;          ///< paid to the community; negative: a credit
  int days = 1;         ///< that the price is for, and of which one is charged
};

/// What the line of a subscription or fee consists of; their sum, negated, is its amount.
/// lines: of the period, with or without its charges.
std::vector<ChargePart> PartsOfCharge(const ChargeInput& input, const std::vector<Line>& lines,
                                      const LineKey& key);

}  // namespace peerwatt::settlement
