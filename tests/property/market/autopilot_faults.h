#pragma once

#include <cstdint>
#include <string>

namespace peerwatt::market {

/// Sizes orders of random standing orders and compares each with what its owner set, by arithmetic
/// of this test. Returns the first fault in words, or an empty text.
std::string FirstSizingFault(uint64_t seed, int count);

/// Lets random standing orders order interval after interval of days of 23, 24 and 25 hours, with
/// outcomes at random, and looks whether the worst-case cost of a day ever passes its bound.
/// Returns the first fault in words, or an empty text.
std::string FirstBudgetFault(uint64_t seed, int count);

/// Compares random calendars at random instants with the naive reading of their windows.
/// Returns the first fault in words, or an empty text.
std::string FirstCalendarFault(uint64_t seed, int count);

}  // namespace peerwatt::market
