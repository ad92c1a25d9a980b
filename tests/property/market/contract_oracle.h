#pragma once

#include <cstdint>
#include <string>

namespace peerwatt::market {

// Each makes up cases from a seed and compares contracts with a naive version that shares no code
// with them. Empty when all agree, else what did not.

/// Windows and shares: against the rule of summer time in the European Union.
std::string FirstCalendarFault(uint64_t seed, int cases);
/// Formulas: against fractions of 128 bits.
std::string FirstPriceFault(uint64_t seed, int cases);
/// Offers, answers, amendments and notices in any order: against a ledger of who said what.
std::string FirstAgreementFault(uint64_t seed, int cases);
/// Gate closure and clearing of whole communities: who trades what, or why not.
std::string FirstExecutionFault(uint64_t seed, int cases);

}  // namespace peerwatt::market
