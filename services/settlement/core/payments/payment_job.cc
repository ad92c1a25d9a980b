#include "services/settlement/core/payments/payment_job.h"

#include <vector>

#include "libs/base/status_macros.h"

namespace peerwatt::settlement {
namespace {

/// The terms of a version of a scheme, from its start to that of the next.
RuleTerms TermsOf(const CommunityId& community, const Scheme& scheme, absl::Time end,
                  int64_t operator_share_ppm, bool uses_files) {
  RuleTerms terms;
  terms.community = community;
  terms.scheme = scheme.id;
  terms.validity = {scheme.starts_at, end};
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
  if (now > rules.trading_start) {
    PW_ASSIGN_OR_RETURN(const std::vector<Scheme> schemes,
                        registry_.ListSchemes(rules, {rules.trading_start, now}));
    for (size_t i = 0; i < schemes.size(); ++i) {
      if (!schemes[i].portions.has_value()) continue;
      PW_ASSIGN_OR_RETURN(const CommunitySnapshot snapshot,
                          registry_.GetSnapshot(rules.id, schemes[i].starts_at));
      const absl::Time end =
          i + 1 < schemes.size() ? schemes[i + 1].starts_at : absl::InfiniteFuture();
      const RuleTerms terms = TermsOf(rules.id, schemes[i], end,
                                      snapshot.fees.operator_share_ppm, desk_.uses_files());
      PW_RETURN_IF_ERROR(rounds_.RunRules(terms, now).status());
    }
  }
  // What was written meanwhile, by others or by these, is looked at once more.
  versions_[rules.id] = version;
  return absl::OkStatus();
}

}  // namespace peerwatt::settlement
