#include "services/settlement/core/payments/withheld.h"

#include <algorithm>

#include "services/settlement/core/payments/mutant.h"

namespace peerwatt::settlement {

std::vector<PoolSpan> PoolsOf(const std::vector<Scheme>& versions) {
  std::vector<PoolSpan> pools;
  for (size_t i = 0; i < versions.size(); ++i) {
    if (!versions[i].portions.has_value()) continue;
    const absl::Time end =
        i + 1 < versions.size() ? versions[i + 1].starts_at : absl::InfiniteFuture();
    pools.push_back({versions[i].id, {versions[i].starts_at, end}});
  }
  return pools;
}

Money WithheldOf(const AwaitedEarnings& awaited, Money owed) {
  return PW_PAYMENT_MUTANT(kUnpaidEarningsAreUsed, Money(), awaited.running) +
         std::min(awaited.ended, owed);
}

}  // namespace peerwatt::settlement
