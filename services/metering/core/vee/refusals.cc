#include "services/metering/core/vee/refusals.h"

#include <algorithm>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "libs/base/error.h"
#include "services/metering/core/errors.h"

namespace peerwatt::metering {
namespace {

Rule RuleOf(absl::string_view reason, bool no_capacity) {
  if (reason == kReadingInFuture.name) {
    return Rule::kFuture;
  }
  if (reason == kOverlap.name) {
    return Rule::kOverlap;
  }
  if (reason == kEnergyNegative.name) {
    return Rule::kNegativeOnOneWay;
  }
  if (reason == kReadingImplausible.name) {
    return no_capacity ? Rule::kNegativeOnOneWay : Rule::kImplausible;
  }
  if (reason == kColumnLengthMismatch.name) {
    return Rule::kWrongLength;
  }
  return Rule::kRefused;
}

/// The span of the series or register series that a field path (`series[3].start_time`) names.
std::optional<Interval> SpanOf(const Batch& batch, absl::string_view field) {
  const std::vector<absl::string_view> parts = absl::StrSplit(field, absl::ByAnyChar("[]"));
  size_t i = 0;
  if (parts.size() < 2 || !absl::SimpleAtoi(parts[1], &i)) {
    return std::nullopt;
  }
  if (parts[0] == "series" && i < batch.series.size()) {
    return batch.series[i].Span();
  }
  if (parts[0] == "registers" && i < batch.registers.size() && batch.registers[i].size() > 0) {
    const Interval span = batch.registers[i].Span();
    return Interval{span.start, std::max(span.end, span.start + absl::Seconds(1))};
  }
  return std::nullopt;
}

}  // namespace

std::optional<Finding> FindingOf(const Batch& batch, const absl::Status& refusal, absl::Time now) {
  const ErrorDetail detail = DetailOf(refusal);
  const auto point = detail.metadata.find("metering_point");
  if (detail.reason == kMeteringPointUnknown.name || detail.reason == kBatchTooLarge.name ||
      detail.reason == kSeriesEmpty.name || point == detail.metadata.end() ||
      detail.violations.empty()) {
    return std::nullopt;
  }
  const std::optional<Interval> span = SpanOf(batch, detail.violations[0].field);
  // Times outside of these bounds are a broken clock's; the database could not keep some of them.
  if (!span.has_value() || span->length() <= absl::ZeroDuration() ||
      span->start < absl::UnixEpoch() || span->end > now + absl::Hours(24 * 3660)) {
    return std::nullopt;
  }
  const auto capacity = detail.metadata.find("capacity_w");
  const bool no_capacity = capacity != detail.metadata.end() && capacity->second == "0";
  return Finding{.metering_point = MeteringPointId(point->second),
                 .found = {RuleOf(detail.reason, no_capacity), *span,
                           absl::StrCat("a batch was refused: ", detail.reason, ": ",
                                        refusal.message())},
                 .at_ingest = true,
                 .created_at = now,
                 .resolved_at = std::nullopt};
}

}  // namespace peerwatt::metering
