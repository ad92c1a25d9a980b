#include "services/settlement/core/payments/payment_job.h"

#include <vector>

#include "libs/base/status_macros.h"

namespace peerwatt::settlement {
namespace {

/// The terms of one of the pools. scheme: its version.
RuleTerms TermsOf(const CommunityId& community, const Scheme& scheme, const PoolSpan& pool,
                  int64_t operator_share_ppm, bool uses_files) {
  RuleTerms terms;
  terms.community = community;
  terms.scheme = scheme.id;
  terms.validity = pool.validity;
  terms.rules = {scheme.local_price, scheme.portions->billing_unit,
                 scheme.portions->collection_quantum, scheme.portions->payout_quantum,
                 scheme.operator_share_ppm.value_or(operator_share_ppm)};
  terms.uses_files = uses_files;
  return terms;
}

}  // namespace

absl::Status PaymentJob::Step() {
  absl::Status first_failure;
  for (const CommunityRules& rules : ledgers_.Known()) first_failure.Update(Work(rules));
  first_failure.Update(desk_.FinishPending());
  return first_failure;
}

absl::Status PaymentJob::Work(const CommunityRules& rules) {
  PW_ASSIGN_OR_RETURN(const int64_t version, rounds_.VersionOf(rules.id));
  const auto seen = versions_.find(rules.id);
  if (seen != versions_.end() && seen->second == version) return absl::OkStatus();
  const absl::Time now = clock_.Now();
  PW_RETURN_IF_ERROR(rounds_.RunWaterfall(rules.id, now).status());
  PW_ASSIGN_OR_RETURN(const std::vector<Scheme> schemes, ledgers_.SchemesOf(rules.id, now));
  const std::vector<PoolSpan> pools = PoolsOf(schemes);
  for (const PoolSpan& pool : pools) {
    PW_ASSIGN_OR_RETURN(const CommunitySnapshot snapshot,
                        registry_.GetSnapshot(rules.id, pool.validity.start));
    RuleTerms terms = TermsOf(rules.id, SchemeAt(schemes, pool.validity.start), pool,
                              snapshot.fees.operator_share_ppm, desk_.uses_files());
    terms.pools = pools;
    PW_RETURN_IF_ERROR(rounds_.RunRules(terms, now).status());
  }
  // What was written meanwhile, by others or by these, is looked at once more.
  versions_[rules.id] = version;
  return absl::OkStatus();
}

}  // namespace peerwatt::settlement
