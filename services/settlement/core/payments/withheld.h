#pragma once

#include <vector>

#include "libs/domain/interval.h"
#include "services/settlement/core/scheme.h"

namespace peerwatt::settlement {

/// A version of a pool's scheme that asks for money and hands it on by payment rules.
struct PoolSpan {
  SchemeId scheme;
  Interval validity;  ///< may have no end
};

/// The pools among the versions of a community's scheme. versions: by start.
std::vector<PoolSpan> PoolsOf(const std::vector<Scheme>& versions);

/// What a participant earned in pools, less the operator's share, beyond what it was handed on.
/// Neither is negative.
struct AwaitedEarnings {
  Money running;  ///< of the pool in force
  Money ended;    ///< of pools before
};

/// What a wallet has and may not be paid out. The books credit a pool's energy when it is settled,
/// before anybody pays for it; the rules hand on only what was paid. So all that is awaited of the
/// pool in force waits, else producers would be paid what consumers still owe. Of a pool that ended
/// a rest below billing unit and quanta may never be asked for: it waits only while members owe
/// anything, and no more than they owe.
/// owed: by all members whose wallet is below zero.
Money WithheldOf(const AwaitedEarnings& awaited, Money owed);

}  // namespace peerwatt::settlement
