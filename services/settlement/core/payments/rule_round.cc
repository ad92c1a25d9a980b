#include "services/settlement/core/payments/rule_round.h"

#include <algorithm>

#include "services/settlement/core/payments/mutant.h"

namespace peerwatt::settlement {
namespace {

/// The largest multiple of `unit` > 0 that is not above `amount`; 0 below one.
Money WholeOf(Money amount, Money unit) {
  return Money::Micros(std::max<int64_t>(0, amount.micros() / unit.micros() * unit.micros()));
}

RuleCollection CollectionOf(const PaymentRules& rules, Money coin, const RuleAccount& account) {
  const Money open = PW_PAYMENT_MUTANT(kOpenIsAskedAgain, Money(), account.open);
  const Money owed = RequestedFor(rules, account.used) - account.paid - open;
  // What is under way will be in the wallet.
  const Money debt = std::max(Money(), -(account.balance + open));
  const Money covered = PW_PAYMENT_MUTANT(kWalletIsIgnored, Money(), owed - std::min(owed, debt));
  RuleCollection collection;
  collection.participant = account.participant;
  collection.from_wallet = NextCollection(rules, std::max(Money(), covered));
  const bool may_charge = PW_PAYMENT_MUTANT(kBlockedIsAsked, true, account.can_be_charged);
  if (may_charge) {
    const Money charge = NextCollection(rules, owed - collection.from_wallet);
    collection.charged = PW_PAYMENT_MUTANT(kPartOfACoinIsAsked, charge, WholeOf(charge, coin));
  }
  return collection;
}

}  // namespace

RuleRound PlanRuleRound(const PaymentRules& rules, Money coin, const PaymentPot& pot,
                        const std::vector<RuleAccount>& accounts) {
  RuleRound round;
  PaymentPot after = pot;
  after.paid = Money();
  std::vector<PaymentAccount> producers;
  for (const RuleAccount& account : accounts) {
    const RuleCollection collection = CollectionOf(rules, coin, account);
    after.paid += account.paid + collection.from_wallet;
    if (collection.from_wallet > Money() || collection.charged > Money()) {
      round.collections.push_back(collection);
    }
    PaymentAccount producer;
    producer.participant = account.participant;
    producer.contributed = account.contributed;
    producer.received = account.received;
    producers.push_back(producer);
  }
  std::sort(round.collections.begin(), round.collections.end(),
            [](const RuleCollection& a, const RuleCollection& b) {
              return a.participant < b.participant;
            });
  round.distribution = NextDistribution(rules, after, producers);
  return round;
}

}  // namespace peerwatt::settlement
