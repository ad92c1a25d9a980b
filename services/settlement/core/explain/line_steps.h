#pragma once

#include <string>
#include <vector>

#include "libs/domain/quantities.h"
#include "services/settlement/core/charges.h"
#include "services/settlement/core/explain/steps.h"
#include "services/settlement/core/line.h"
#include "services/settlement/core/settlement.h"

namespace peerwatt::settlement {

/// What a point behind the line's connection measured, as the run used it.
struct OwnReading {
  MeteringPointId point;
  Energy import_energy;
  Energy export_energy;
};

/// A line that is to be explained, with what its run knew.
struct LineBasis {
  /// As it was posted: with the price that its rule gave it.
  Line line;
  /// What earlier runs posted under the same key.
  std::vector<Line> earlier;
  /// Of the whole period, as of the run.
  const SettlementInput* input = nullptr;
  /// The same for what is charged besides energy.
  const ChargeInput* charges = nullptr;
  /// Of the line's connection.
  std::vector<OwnReading> readings;
};

/// The arithmetic from readings to the amount of a line, in the order in which it is done. The last
/// step's result is the line's amount, unless what the run knew is not known any more.
///
/// Of other participants only sums are named, and what they left of a trade where they are what
/// limits it.
std::vector<Step> StepsOfLine(const LineBasis& basis);

/// The name of the policy that settles by these terms: `as_delivered`, `firm`, `sharing` or
/// `fixed_price_pool`.
std::string PolicyName(const SettlementTerms& terms);

}  // namespace peerwatt::settlement
