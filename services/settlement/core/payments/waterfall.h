#pragma once

#include <vector>

#include "libs/domain/ids.h"
#include "libs/domain/quantities.h"

namespace peerwatt::settlement {

/// What a participant has, and what the community's mutual fund has lent it.
struct WaterfallAccount {
  ParticipantId participant;
  Money balance;   ///< below zero: owed
  Money held;      ///< for orders and payouts; not negative
  Money advanced;  ///< lent and not given back; not negative
};

/// The mutual fund.
struct MutualFund {
  Money available;  ///< not negative
  Money limit;      ///< most that one participant may owe it; not negative
};

/// A transfer between the fund and a participant.
struct FundMove {
  ParticipantId participant;
  Money amount;  ///< above zero: lent; below zero: given back; never zero
  bool operator==(const FundMove&) const = default;
};

/// Who pays what a settlement run owes: first the participant's own deposits, which is its balance;
/// then the fund, up to its limit; the rest is retail on credit, a balance below zero. Power is
/// never cut. Who has money again, and does not hold it, gives back first, so the fund can lend it
/// on at once. When the fund has less than is needed, it lends in proportion to the needs, by
/// largest remainder, equal ones to the lower participant.
/// accounts: each participant once, in any order. Returns the moves by participant, returns first.
/// Once they are made, nothing is left to move.
std::vector<FundMove> PlanWaterfall(const MutualFund& fund,
                                    const std::vector<WaterfallAccount>& accounts);

}  // namespace peerwatt::settlement
