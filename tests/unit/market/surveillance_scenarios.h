#pragma once

#include <functional>
#include <string>
#include <vector>

#include "services/market/core/surveillance/survey.h"

namespace peerwatt::market {

/// A day as a market expert would tell it, and what surveillance has to say about it.
struct SurveyScenario {
  const char* name;
  /// Apart by semicolons: `10:00 a>b 500`, in that delivery of a quarter-hour a sold b 500 Wh;
  /// `10:00 a bid 500`, an order that stayed; `10:00 a offer 500 withdrawn x5`, five that did not;
  /// `owner c a`, a stands behind c.
  const char* day;
  /// Apart by semicolons: rule, side if any, owners, energy, measure.
  const char* findings;
  /// Changes the thresholds that are the default; may be empty.
  std::function<void(SurveyThresholds&)> thresholds = nullptr;
};

/// Start of the day of all scenarios.
absl::Time SurveyedDay();

/// Reads a day.
SurveyInput SurveyedDayOf(const std::string& text);

/// Tells findings as a scenario does.
std::string Told(const std::vector<Finding>& findings);

/// For each rule what is found, and for each threshold what just misses it.
const std::vector<SurveyScenario>& SurveyScenarios();

/// What surveillance says about a scenario.
std::string Told(const SurveyScenario& scenario);

}  // namespace peerwatt::market
