#include "services/settlement/core/mutant.h"
#include "services/settlement/core/policies.h"
#include "services/settlement/core/pool_split.h"

namespace peerwatt::settlement {
namespace {

constexpr int64_t kMillion = 1'000'000;

/// What the operator keeps of all that was paid: nothing of what is not above zero.
Money KeptOf(Money paid, int64_t share_ppm) {
  if (paid <= Money()) return Money();
  return Money::Micros(MulDiv(paid.micros(), share_ppm, kMillion, Rounding::kHalfEven));
}

}  // namespace

void SettlePool(PeriodBooks& books) {
  const SettlementInput& input = books.input();
  const PoolSplit split = SplitPool(books);
  const Money paid = AddPurchases(books, split);
  const Money kept = KeptOf(paid, input.fees.operator_share_ppm);
  const std::vector<Money> distributed = DivideByEnergy(paid - kept, split.given, books);
  const std::vector<Money> shares = DivideByEnergy(kept, split.given, books);
  for (size_t i = 0; i < books.size(); ++i) {
    const Energy given = split.given[i];
    const Money share =
        PW_MUTANT(kPoolShareIsRoundedPerProducer,
                  KeptOf(distributed[i] + shares[i], input.fees.operator_share_ppm), shares[i]);
    books.Add(i, LineKind::kPoolSale, given, input.terms.local_price,
              distributed[i] + shares[i], input.terms.rule);
    if (kept == Money()) continue;
    books.Add(i, LineKind::kOperatorShare, given, Price(), -share,
              input.fees.operator_share_rule);
  }
}

}  // namespace peerwatt::settlement
