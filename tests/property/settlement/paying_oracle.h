#pragma once

#include <cstdint>
#include <string>

namespace peerwatt::settlement {

/// Random communities whose mutual fund lends and gets back, pools that ask by their rules, and
/// references of deposits, each held against a slow way to say the same.
/// Returns the first fault, or nothing.
std::string FirstWaterfallFault(uint64_t seed, int rounds);
std::string FirstRuleRoundFault(uint64_t seed, int rounds);
std::string FirstReferenceFault(uint64_t seed, int rounds);

}  // namespace peerwatt::settlement
