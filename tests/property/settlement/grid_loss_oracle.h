#pragma once

#include <cstdint>
#include <string>

namespace peerwatt::settlement {

/// Settles random periods in several runs each, with readings at the boundary that are late,
/// missing, absurd, corrected or taken back, and says what is wrong; empty when nothing is.
///
/// After each run, what was posted of the loss so far is what a run from scratch posts: what came
/// in at the boundary and was neither drawn nor fed out, added up point by point and without
/// netting, at the retail price, rounded half to even; nothing while a reading is missing. Each
/// entry moves money between `grid-loss` and `main-grid` alone, and has a key of its own.
std::string FirstGridLossFault(uint64_t seed, int periods);

}  // namespace peerwatt::settlement
