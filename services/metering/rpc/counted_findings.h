#pragma once

#include <map>
#include <utility>
#include <vector>

#include "libs/telemetry/metrics.h"
#include "services/metering/core/vee/ports.h"

namespace peerwatt::metering {

/// A store of findings that counts those opened and resolved per rule.
class CountedFindings final : public FindingStore {
 public:
  CountedFindings(FindingStore& store, telemetry::Metrics& metrics);

  absl::StatusOr<FindingCounts> Note(absl::Span<const Finding> findings) override;
  absl::StatusOr<std::vector<Finding>> List(const FindingQuery& query) override {
    return store_.List(query);
  }
  absl::StatusOr<ValidatorPosition> Position() override { return store_.Position(); }
  absl::StatusOr<std::vector<PointState>> Points(
      const std::vector<MeteringPointId>& points) override {
    return store_.Points(points);
  }
  absl::StatusOr<std::vector<PointState>> DuePoints(absl::Time now, int32_t limit) override {
    return store_.DuePoints(now, limit);
  }
  absl::StatusOr<std::vector<WantedExamination>> Wanted(int32_t limit) override {
    return store_.Wanted(limit);
  }
  absl::StatusOr<std::optional<FindingCounts>> Commit(const ValidatorStep& step,
                                                      absl::Time now) override;

 private:
  void Count(const FindingCounts& counts);

  FindingStore& store_;
  std::map<Rule, telemetry::Counter*> opened_;
  std::map<Rule, telemetry::Counter*> resolved_;
};

}  // namespace peerwatt::metering
