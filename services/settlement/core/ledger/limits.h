#pragma once

#include <optional>

#include "services/settlement/core/ledger/account.h"

namespace peerwatt::settlement::ledger {

/// a + b; nothing when it leaves 64 bits.
std::optional<Money> Sum(Money a, Money b);

/// Whether the account may be debited, or have held, `more` > 0 besides what is pending.
bool DebitFits(const AccountState& account, Money more);
/// The same for credits.
bool CreditFits(const AccountState& account, Money more);

/// What posting does to an account: a negative amount debits. Returns false when a counter would
/// leave 64 bits: nothing has changed then.
bool Post(Money amount, Counters& counters);

}  // namespace peerwatt::settlement::ledger
