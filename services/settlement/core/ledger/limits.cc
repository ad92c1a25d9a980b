#include "services/settlement/core/ledger/limits.h"

#include <cstdint>

#include "libs/base/check.h"
#include "libs/domain/arithmetic.h"
#include "services/settlement/core/ledger/errors.h"
#include "services/settlement/core/ledger/mutant.h"

namespace peerwatt::settlement::ledger {
namespace {

/// Whether `taken` and `pending` and `more` stay within `given` and the limit.
bool Within(const std::optional<Money>& limit, Money taken, Money pending, Money more,
            Money given) {
  if (!limit.has_value()) return true;
  const auto reserved = PW_LEDGER_MUTANT(kPendingIsSpentTwice, std::optional<Money>(more),
                                         Sum(pending, more));
  const std::optional<Money> bound =
      Sum(given, PW_LEDGER_MUTANT(kLimitIsExceededByOne, *limit + Money::Micros(1), *limit));
  if (!reserved.has_value()) return false;
  const std::optional<Money> wanted = Sum(taken, *reserved);
  // A bound beyond 64 bits is above everything.
  return wanted.has_value() && (!bound.has_value() || *wanted <= *bound);
}

}  // namespace

std::optional<Money> Sum(Money a, Money b) {
  const std::optional<int64_t> sum = CheckedAdd(a.micros(), b.micros());
  if (!sum.has_value()) return std::nullopt;
  return Money::Micros(*sum);
}

bool DebitFits(const AccountState& account, Money more) {
  const Counters& sums = account.counters;
  return Within(account.limits.debit, sums.debits_posted, sums.debits_pending, more,
                sums.credits_posted);
}

bool CreditFits(const AccountState& account, Money more) {
  const Counters& sums = account.counters;
  return PW_LEDGER_MUTANT(kCreditLimitIsIgnored, true,
                          Within(account.limits.credit, sums.credits_posted,
                                 sums.credits_pending, more, sums.debits_posted));
}

bool Post(Money amount, Counters& counters) {
  const bool is_debit = amount < Money();
  Money& counter = is_debit ? counters.debits_posted : counters.credits_posted;
  const std::optional<Money> sum = Sum(counter, is_debit ? -amount : amount);
  if (!sum.has_value()) return false;
  counter = *sum;
  return true;
}

const ErrorReason& ReasonNamed(absl::string_view name) {
  for (const ErrorReason* reason :
       {&kAccountNotFound, &kAccountClosed, &kCurrencyDiffers, &kHoldNotFound, &kHoldEnded,
        &kHoldExpired, &kPayeeDiffers, &kHoldExceeded, &kCounterOverflow, &kDebitLimit,
        &kCreditLimit, &kContentDiffers}) {
    if (reason->name == name) return *reason;
  }
  PW_CHECK(false, "a remembered refusal has a known reason");
}

}  // namespace peerwatt::settlement::ledger
