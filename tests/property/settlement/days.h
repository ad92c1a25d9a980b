#pragma once

#include <cstdint>
#include <string>

namespace peerwatt::settlement {

/// Lives so many random days of a community, each with five runs, and says what is wrong; empty
/// when nothing is.
///
/// Readings arrive in any order, late, corrected, absurd or never; days have 23, 24 or 25 hours;
/// prices are negative too; points join, leave and change hands within the day. After each run,
/// what was posted so far is, to the watt hour and the micro-unit, what a settlement from scratch
/// posts; balances sum to zero; everybody has the energy of the points that were his then; and
/// trades are settled with those who traded.
std::string FirstDayFault(uint64_t seed, int days);

}  // namespace peerwatt::settlement
