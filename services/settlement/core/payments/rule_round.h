#pragma once

#include <vector>

#include "services/settlement/core/payment_rules.h"

namespace peerwatt::settlement {

/// What a participant of a pool used and gave, paid and got, since the scheme's start, and what its
/// wallet has.
struct RuleAccount {
  ParticipantId participant;
  Energy used;
  Energy contributed;
  Money paid;      ///< collections that succeeded
  Money open;      ///< collections under way
  Money received;  ///< parts of distributions so far
  Money balance;   ///< of the wallet; below zero: owed
  bool can_be_charged = true;  ///< false: the bank account is missing, or the last charge failed
};

/// What is asked of a participant now. Both may be zero.
struct RuleCollection {
  ParticipantId participant;
  Money from_wallet;  ///< the wallet had the money when the energy was settled: paid by that
  Money charged;      ///< to be charged, or collected from the bank account
};

/// What a round does.
struct RuleRound {
  std::vector<RuleCollection> collections;  ///< without those that ask nothing, by participant
  Distribution distribution;  ///< parts by account in the order given; of what is paid after it
};

/// One look at the payment rules of a pool. The books have moved the money of each period already,
/// to the micro-unit; the rules say in what portions it is asked for and handed on.
/// What is owed by the rules is what was asked less what is paid and under way. The part that the
/// wallet covers is paid by it; the rest is charged. Both are multiples of the collection quantum,
/// charges of whole coins besides. What the wallet paid counts for this round's distribution.
/// coin: the currency's smallest. pot: what was kept and distributed so far; `paid` is not used.
RuleRound PlanRuleRound(const PaymentRules& rules, Money coin, const PaymentPot& pot,
                        const std::vector<RuleAccount>& accounts);

}  // namespace peerwatt::settlement
