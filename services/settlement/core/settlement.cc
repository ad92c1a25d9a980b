#include "services/settlement/core/settlement.h"

#include <utility>

#include "services/settlement/core/period_books.h"
#include "services/settlement/core/policies.h"

namespace peerwatt::settlement {

SettlementResult Settle(const SettlementInput& input) {
  PeriodBooks books(input);
  switch (input.terms.mechanism) {
    case Mechanism::kTrading:
      if (input.terms.policy == DeliveryPolicy::kFirm) {
        SettleFirm(books);
      } else {
        SettleAsDelivered(books);
      }
      break;
    case Mechanism::kSharing:
      SettleSharing(books);
      break;
    case Mechanism::kFixedPricePool:
      SettlePool(books);
      break;
  }
  return std::move(books).Close();
}

}  // namespace peerwatt::settlement
