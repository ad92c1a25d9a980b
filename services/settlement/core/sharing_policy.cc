#include "services/settlement/core/mutant.h"
#include "services/settlement/core/policies.h"
#include "services/settlement/core/pool_split.h"

namespace peerwatt::settlement {
namespace {

constexpr int64_t kMillion = 1'000'000;

}  // namespace

void SettleSharing(PeriodBooks& books) {
  const SettlementInput& input = books.input();
  const PoolSplit split = SplitPool(books);
  const Money paid = AddPurchases(books, split);
  const std::vector<Money> parts = DivideByEnergy(paid, split.given, books);
  for (size_t i = 0; i < books.size(); ++i) {
    const Energy given = split.given[i];
    const Money amount = PW_MUTANT(
        kProducersArePaidByTheirOwnRounding,
        AmountOf(given, input.terms.local_price, Rounding::kHalfEven),
        PW_MUTANT(kProducersArePaidForAllTheyFedIn,
                  AmountOf(books.net(i).feed_in, input.terms.local_price, Rounding::kHalfEven),
                  parts[i]));
    books.Add(i, LineKind::kPoolSale, given, input.terms.local_price,
              PW_MUTANT(kNegativePricesEarnNothing, amount < Money() ? Money() : amount, amount),
              input.terms.rule);
    if (input.fees.operator_share_ppm == 0 || amount <= Money()) continue;
    const Money share = Money::Micros(
        MulDiv(amount.micros(), input.fees.operator_share_ppm, kMillion, Rounding::kHalfEven));
    books.Add(i, LineKind::kOperatorShare, given, Price(), -share,
              input.fees.operator_share_rule);
  }
}

}  // namespace peerwatt::settlement
