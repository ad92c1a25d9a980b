#include "services/settlement/core/payment_rules.h"

#include <algorithm>
#include <numeric>

#include "libs/base/check.h"
#include "libs/domain/allocation.h"
#include "services/settlement/core/mutant.h"

namespace peerwatt::settlement {
namespace {

constexpr int64_t kMillion = 1'000'000;

/// The largest multiple of `quantum` that `amount` reaches; 0 below zero.
Money WholeQuanta(Money amount, Money quantum) {
  PW_CHECK(quantum > Money(), "a quantum is above zero");
  if (amount <= Money()) return Money();
  return Money::Micros(amount.micros() / quantum.micros() * quantum.micros());
}

/// Indexes of the accounts by participant.
std::vector<size_t> ById(const std::vector<PaymentAccount>& accounts) {
  std::vector<size_t> order(accounts.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(),
            [&](size_t a, size_t b) { return accounts[a].participant < accounts[b].participant; });
  return order;
}

/// What each is owed of all that is distributed in the end, by position in `order`.
std::vector<int64_t> MissingOf(Money distributed_in_all, const std::vector<size_t>& order,
                               const std::vector<PaymentAccount>& accounts) {
  std::vector<int64_t> weights;
  for (const size_t i : order) {
    weights.push_back(std::max<int64_t>(0, accounts[i].contributed.wh()));
  }
  std::vector<int64_t> missing = AllocateByLargestRemainder(distributed_in_all.micros(), weights);
  for (size_t i = 0; i < order.size(); ++i) {
    const int64_t received =
        PW_MUTANT(kEarlierPayoutsAreForgotten, int64_t{0}, accounts[order[i]].received.micros());
    missing[i] = std::max<int64_t>(0, missing[i] - received);
  }
  return missing;
}

}  // namespace

Money RequestedFor(const PaymentRules& rules, Energy used) {
  PW_CHECK(rules.billing_unit > Energy(), "a billing unit is above zero");
  if (used <= Energy()) return Money();
  const int64_t unit = rules.billing_unit.wh();
  const int64_t units =
      PW_MUTANT(kStartedUnitsAreBilled, (used.wh() + unit - 1) / unit, used.wh() / unit);
  return AmountOf(Energy::WattHours(units * unit), rules.price, Rounding::kHalfEven);
}

Money NextRequest(const PaymentRules& rules, const PaymentAccount& account) {
  return RequestedFor(rules, account.used) -
         PW_MUTANT(kUseIsBilledAgain, Money(), account.requested);
}

Money OutstandingOf(const PaymentAccount& account) { return account.requested - account.paid; }

Money NextCollection(const PaymentRules& rules, Money outstanding) {
  return PW_MUTANT(kPartOfAQuantumIsCollected, std::max(Money(), outstanding),
                   WholeQuanta(outstanding, rules.collection_quantum));
}

Distribution NextDistribution(const PaymentRules& rules, const PaymentPot& pot,
                              const std::vector<PaymentAccount>& accounts) {
  Distribution next;
  next.parts.resize(accounts.size());
  const Money kept =
      Money::Micros(MulDiv(pot.paid.micros(), rules.operator_share_ppm, kMillion,
                           PW_MUTANT(kShareIsRoundedUp, Rounding::kUp, Rounding::kHalfEven)));
  next.kept = kept - pot.kept;
  bool has_contributions = false;
  Money received;
  for (const PaymentAccount& account : accounts) {
    has_contributions = has_contributions || account.contributed > Energy();
    received += account.received;
  }
  PW_CHECK(received == pot.distributed, "participants received what was distributed");
  if (!has_contributions) return next;
  next.distributed =
      WholeQuanta(pot.paid - pot.kept - next.kept - pot.distributed, rules.payout_quantum);
  if (next.distributed == Money()) return next;
  const std::vector<size_t> order = ById(accounts);
  const std::vector<int64_t> parts = AllocateByLargestRemainder(
      next.distributed.micros(), MissingOf(pot.distributed + next.distributed, order, accounts));
  for (size_t i = 0; i < order.size(); ++i) next.parts[order[i]] = Money::Micros(parts[i]);
  return next;
}

}  // namespace peerwatt::settlement
