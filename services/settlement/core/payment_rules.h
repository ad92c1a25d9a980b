#pragma once

#include <cstdint>
#include <vector>

#include "libs/domain/ids.h"
#include "libs/domain/quantities.h"

namespace peerwatt::settlement {

/// How a fixed-price pool asks for money and hands it on. All are counted from the instant at which
/// a version of the scheme came into force, so nothing depends on how often anybody looks.
struct PaymentRules {
  Price price;                                  ///< per kWh; as the pool's
  Energy billing_unit = Energy::WattHours(1);   ///< only whole ones are asked for; > 0
  Money collection_quantum = Money::Micros(1);  ///< payments are multiples of it; > 0
  Money payout_quantum = Money::Micros(1);      ///< distributions are multiples of it; > 0
  int64_t operator_share_ppm = 0;               ///< of what is paid; 0 to 1000000
};

/// What a participant used and gave, and what was asked of it, paid by it and paid to it.
struct PaymentAccount {
  ParticipantId participant;
  Energy used;         ///< taken from the pool; corrections may lower it
  Energy contributed;  ///< given to the pool; corrections may lower it
  Money requested;
  Money paid;
  Money received;
};

/// What all participants paid, and what became of it.
struct PaymentPot {
  Money paid;
  Money kept;  ///< the operator's share
  Money distributed;
};

/// One distribution. `kept` and the parts are additions to what was kept and received before.
struct Distribution {
  Money kept;
  Money distributed;         ///< a multiple of the payout quantum
  std::vector<Money> parts;  ///< by account in the order given; none negative
};

/// What is to be asked for all the energy used: whole billing units at the price.
/// 0.99 kWh at 5 per kWh is asked nothing, 1.00 kWh 5, 10.4 kWh 50.
Money RequestedFor(const PaymentRules& rules, Energy used);

/// What is to be asked in addition to what was asked before; negative when a correction lowered
/// what was used: a credit, which later use consumes.
Money NextRequest(const PaymentRules& rules, const PaymentAccount& account);

/// What a participant owes: asked for and not paid. Negative is a credit.
Money OutstandingOf(const PaymentAccount& account);

/// What is to be collected now: the largest multiple of the quantum that is owed.
/// Multiples of 25: of 24 nothing, of 25 and 49 25, of 74 50.
Money NextCollection(const PaymentRules& rules, Money outstanding);

/// What is to be distributed now: of all that was paid, less the operator's share and what was
/// distributed before, the largest multiple of the payout quantum.
/// The operator's share is that of all that was paid, rounded half to even, so it does not depend
/// on how the payments came. Each producer gets what is missing to its part of all that was ever
/// distributed, in proportion to what it contributed; where another got too much before a
/// correction, nobody pays back, and the others divide in proportion to what is missing. By largest
/// remainder, equal ones to the lower participant. Without contributions nothing is distributed.
/// Paid 50, 20 % kept, multiples of 40, contributions 75 and 25 %: kept 10, parts 30 and 10.
/// accounts: each participant once, in any order.
Distribution NextDistribution(const PaymentRules& rules, const PaymentPot& pot,
                              const std::vector<PaymentAccount>& accounts);

}  // namespace peerwatt::settlement
