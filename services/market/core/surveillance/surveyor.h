#pragma once

#include <map>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "services/market/core/runner.h"
#include "services/market/core/surveillance/ports.h"

namespace peerwatt::market {

/// Surveys each community day by day, once all auctions of a day are final. What is kept says where
/// to go on, so that restarts and replicas survey no day twice and leave none out. For one thread.
class Surveyor {
 public:
  /// All references must outlive the surveyor.
  Surveyor(RulesBook& rules, SurveyStore& store, SurveyProbe& probe,
           const SurveyThresholds& thresholds = {})
      : rules_(rules), store_(store), probe_(probe), thresholds_(thresholds) {}

  /// Surveys all days that are final at `now`. Asks the database nothing before the last gate
  /// closure of a community's next day.
  /// stop: asked between days. A community that fails keeps its place and does not hinder the
  /// others; the first failure is returned.
  absl::Status RunOnce(absl::Time now, absl::FunctionRef<bool()> stop);

 private:
  /// Returns before when the community need not be looked at.
  absl::StatusOr<absl::Time> SurveyCommunity(const CommunityRules& rules, absl::Time now,
                                             absl::FunctionRef<bool()> stop);
  absl::Status SurveyDay(const CommunityId& community, Interval day, absl::Time now);

  RulesBook& rules_;
  SurveyStore& store_;
  SurveyProbe& probe_;
  const SurveyThresholds thresholds_;
  std::map<CommunityId, absl::Time> next_due_;
};

}  // namespace peerwatt::market
