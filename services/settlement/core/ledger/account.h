#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "libs/domain/quantities.h"
#include "services/settlement/core/accounts.h"

namespace peerwatt::settlement::ledger {

/// Number of an account in its ledger, from 1: what entries refer to.
using AccountNumber = int32_t;

/// What an account added up. `posted` counters only grow; `pending` ones are sums of open holds.
struct Counters {
  Money debits_posted;
  Money credits_posted;
  Money debits_pending;
  Money credits_pending;
  bool operator==(const Counters&) const = default;

  Money Balance() const { return credits_posted - debits_posted; }
};

/// How far an account may go; nothing where it has no limit.
struct Limits {
  std::optional<Money> debit;   ///< debits, pending included <= posted credits + this; >= 0
  std::optional<Money> credit;  ///< credits, pending included <= posted debits + this; >= 0
  bool operator==(const Limits&) const = default;
};

/// An account with its counters.
struct AccountState {
  AccountId id;
  AccountNumber number = 0;
  std::string currency;
  Limits limits;
  bool closed = false;
  Counters counters;

  /// What may still be debited; nothing when there is no limit.
  std::optional<Money> Available() const {
    if (!limits.debit.has_value()) return std::nullopt;
    return counters.Balance() - counters.debits_pending + *limits.debit;
  }
};

/// An account to open.
struct AccountOpening {
  AccountId id;
  Limits limits;
};

}  // namespace peerwatt::settlement::ledger
