#include "services/metering/rpc/counted_findings.h"

#include <string>

#include "libs/base/status_macros.h"

namespace peerwatt::metering {

CountedFindings::CountedFindings(FindingStore& store, telemetry::Metrics& metrics)
    : store_(store) {
  for (const Rule rule : kRules) {
    const std::string name(RuleName(rule));
    for (const auto& [result, counters] :
         {std::pair("opened", &opened_), std::pair("resolved", &resolved_)}) {
      (*counters)[rule] =
          &metrics.AddCounter("peerwatt_metering_findings_total",
                              "Findings of validation by rule and what became of them.",
                              {{"rule", name}, {"result", result}});
    }
  }
}

absl::StatusOr<FindingCounts> CountedFindings::Note(absl::Span<const Finding> findings) {
  PW_ASSIGN_OR_RETURN(FindingCounts counts, store_.Note(findings));
  Count(counts);
  return counts;
}

absl::StatusOr<std::optional<FindingCounts>> CountedFindings::Commit(const ValidatorStep& step,
                                                                     absl::Time now) {
  PW_ASSIGN_OR_RETURN(std::optional<FindingCounts> counts, store_.Commit(step, now));
  if (counts.has_value()) {
    Count(*counts);
  }
  return counts;
}

void CountedFindings::Count(const FindingCounts& counts) {
  for (const auto& [rule, count] : counts.opened) {
    opened_.at(rule)->Increment(static_cast<double>(count));
  }
  for (const auto& [rule, count] : counts.resolved) {
    resolved_.at(rule)->Increment(static_cast<double>(count));
  }
}

}  // namespace peerwatt::metering
