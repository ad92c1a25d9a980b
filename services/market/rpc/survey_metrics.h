#pragma once

#include <array>
#include <iterator>

#include "libs/telemetry/metrics.h"
#include "services/market/core/surveillance/ports.h"

namespace peerwatt::market {

/// Counts surveys and what they find.
class SurveyMetrics final : public SurveyProbe {
 public:
  explicit SurveyMetrics(telemetry::Metrics& metrics);
  void DaySurveyed(const SurveyResult& result) override;

 private:
  // By rule.
  std::array<telemetry::Counter*, std::size(kSurveillanceRules)> findings_;
  telemetry::Counter& complete_;
  telemetry::Counter& incomplete_;
};

}  // namespace peerwatt::market
