#include "services/settlement/core/payments/waterfall.h"

#include <algorithm>
#include <cstdint>

#include "libs/base/check.h"
#include "libs/domain/allocation.h"
#include "services/settlement/core/payments/mutant.h"

namespace peerwatt::settlement {
namespace {

/// What the participant gives back now.
Money RepaymentOf(const WaterfallAccount& account) {
  const Money free = PW_PAYMENT_MUTANT(kHeldMoneyIsPaidBack, account.balance,
                                       account.balance - account.held);
  const Money most = PW_PAYMENT_MUTANT(kMoreThanLentIsPaidBack, free, account.advanced);
  return std::max(Money(), std::min(free, most));
}

/// What the participant may be lent now.
Money NeedOf(const WaterfallAccount& account, Money limit) {
  const Money owed = -account.balance;
  const Money left = PW_PAYMENT_MUTANT(kLimitIsPerTransfer, limit, limit - account.advanced);
  return std::max(Money(), PW_PAYMENT_MUTANT(kNeedIsExceeded, owed > Money() ? left : Money(),
                                             std::min(owed, left)));
}

}  // namespace

std::vector<FundMove> PlanWaterfall(const MutualFund& fund,
                                    const std::vector<WaterfallAccount>& accounts) {
  std::vector<WaterfallAccount> sorted = accounts;
  const auto by_participant = [](const WaterfallAccount& a, const WaterfallAccount& b) {
    return a.participant < b.participant;
  };
  if (PW_PAYMENT_MUTANT(kTiesFallByPosition, false, true)) {
    std::sort(sorted.begin(), sorted.end(), by_participant);
  }
  std::vector<FundMove> moves;
  Money available = fund.available;
  for (const WaterfallAccount& account : sorted) {
    const Money repaid = RepaymentOf(account);
    if (repaid == Money()) continue;
    moves.push_back({account.participant, -repaid});
    available += PW_PAYMENT_MUTANT(kFundIsPaidBackLast, Money(), repaid);
  }
  std::vector<int64_t> needs;
  Money needed;
  for (const WaterfallAccount& account : sorted) {
    const Money need = NeedOf(account, fund.limit);
    needs.push_back(need.micros());
    needed += need;
  }
  const Money lent = PW_PAYMENT_MUTANT(kFundIsOverdrawn, needed, std::min(needed, available));
  PW_CHECK(lent >= Money(), "a fund has no debts");
  const std::vector<int64_t> parts = AllocateByLargestRemainder(lent.micros(), needs);
  for (size_t i = 0; i < sorted.size(); ++i) {
    if (parts[i] > 0) moves.push_back({sorted[i].participant, Money::Micros(parts[i])});
  }
  return moves;
}

}  // namespace peerwatt::settlement
