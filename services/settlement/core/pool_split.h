#pragma once

#include <vector>

#include "services/settlement/core/period_books.h"

namespace peerwatt::settlement {

/// Who takes and who gives the energy of a pool, by connection. Both sum to the same.
struct PoolSplit {
  std::vector<Energy> taken;  ///< 0 <= taken <= drawn
  std::vector<Energy> given;  ///< 0 <= given <= fed in
};

/// Shares all that was fed in among the connections that drew, by the key of the terms, and what is
/// taken among those that fed in, in proportion to that, by largest remainder; equal remainders to
/// the lower participant and connection. Coefficients of points that the community does not have
/// keep their part, which nobody takes. A key of equal shares counts the connections that drew.
PoolSplit SplitPool(const PeriodBooks& books);

/// Divides money in proportion to energy, by largest remainder in the same order; the parts sum to
/// `amount`, which may be negative. energies: none negative; when all are 0, `amount` is 0.
std::vector<Money> DivideByEnergy(Money amount, const std::vector<Energy>& energies,
                                  const PeriodBooks& books);

/// Writes the lines of what is taken at the local price, its network fee, and what is left for the
/// main grid. Returns what is paid for the energy, and counts it as delivered.
Money AddPurchases(PeriodBooks& books, const PoolSplit& split);

}  // namespace peerwatt::settlement
