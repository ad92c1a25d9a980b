#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/domain/interval.h"
#include "services/settlement/core/payment_rules.h"
#include "services/settlement/core/payments/payment.h"

namespace peerwatt::settlement {

/// One version of a pool's scheme, whose payment rules are carried out.
struct RuleTerms {
  CommunityId community;
  SchemeId scheme;
  Interval validity;  ///< may have no end
  PaymentRules rules;
  bool uses_files = false;  ///< payments wait for a file; else they go to the provider at once
};

/// Carries out, in one transaction each, what settlement leaves to be paid.
class RoundStore {
 public:
  virtual ~RoundStore() = default;
  /// Counts what was written to a ledger: while it stays, there is nothing to do.
  /// Errors: NOT_FOUND.
  virtual absl::StatusOr<int64_t> VersionOf(const CommunityId& community) = 0;
  /// Moves money between the mutual fund and participants by `PlanWaterfall`, once for all periods
  /// that are settled now. Returns the number of moves; 0 when it was done for them before, or the
  /// community has no fund. Errors: NOT_FOUND.
  virtual absl::StatusOr<int64_t> RunWaterfall(const CommunityId& community, absl::Time now) = 0;
  /// Collects and hands on by `PlanRuleRound`. Returns the number of payments made.
  /// Errors: NOT_FOUND.
  virtual absl::StatusOr<int64_t> RunRules(const RuleTerms& terms, absl::Time now) = 0;
};

}  // namespace peerwatt::settlement
