#include "services/market/rpc/survey_metrics.h"

#include <string>

namespace peerwatt::market {
namespace {

telemetry::Counter& SurveysCounter(telemetry::Metrics& metrics, const char* result) {
  return metrics.AddCounter("peerwatt_market_surveys_total",
                            "Days of communities that were surveyed.", {{"result", result}});
}

}  // namespace

SurveyMetrics::SurveyMetrics(telemetry::Metrics& metrics)
    : complete_(SurveysCounter(metrics, "complete")),
      incomplete_(SurveysCounter(metrics, "incomplete")) {
  for (const SurveillanceRule rule : kSurveillanceRules) {
    findings_[static_cast<size_t>(rule)] = &metrics.AddCounter(
        "peerwatt_market_surveillance_findings_total", "Findings of surveillance by rule.",
        {{"rule", std::string(RuleName(rule))}});
  }
}

void SurveyMetrics::DaySurveyed(const SurveyResult& result) {
  (result.complete ? complete_ : incomplete_).Increment();
  for (const Finding& finding : result.findings) {
    findings_[static_cast<size_t>(finding.rule)]->Increment();
  }
}

}  // namespace peerwatt::market
