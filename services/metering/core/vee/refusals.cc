#include "services/metering/core/vee/refusals.h"

#include <algorithm>
#include <map>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "libs/base/error.h"
#include "services/metering/core/errors.h"
#include "services/metering/core/evidence/errors.h"

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

/// From the first to the last value; a single one has a second.
Interval SpanOf(const RegisterSeries& series) {
  const Interval span = series.Span();
  return {span.start, std::max(span.end, span.start + absl::Seconds(1))};
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
    return SpanOf(batch.registers[i]);
  }
  return std::nullopt;
}

/// Times outside of these bounds are a broken clock's; the database could not keep some of them.
bool IsUsable(Interval span, absl::Time now) {
  return span.length() > absl::ZeroDuration() && span.start >= absl::UnixEpoch() &&
         span.end <= now + absl::Hours(24 * 3660);
}

/// What a batch says of each of its points, from the first to the last.
std::map<MeteringPointId, Interval> SpansOf(const Batch& batch) {
  std::map<MeteringPointId, Interval> spans;
  const auto add = [&](const MeteringPointId& point, Interval more) {
    Interval& span = spans.try_emplace(point, more).first->second;
    span = {std::min(span.start, more.start), std::max(span.end, more.end)};
  };
  for (const Series& series : batch.series) {
    add(series.metering_point, series.Span());
  }
  for (const RegisterSeries& series : batch.registers) {
    if (series.size() > 0) {
      add(series.metering_point, SpanOf(series));
    }
  }
  return spans;
}

bool IsAboutSignature(absl::string_view reason) {
  return reason == kSignatureMissing.name || reason == kSignatureMalformed.name ||
         reason == kSignatureInvalid.name || reason == kSignatureCounterReused.name;
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
  if (!span.has_value() || !IsUsable(*span, now)) {
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
                 .resolved_at = std::nullopt,
                 .device = batch.device,
                 .reason = detail.reason};
}

std::vector<Finding> SignatureFindingsOf(const Batch& batch, const absl::Status& status,
                                         const ChainEvents& events, absl::Time now) {
  std::string reason = ReasonOf(status);
  std::string message = absl::StrCat("a batch was refused: ", reason, ": ", status.message());
  Rule rule = Rule::kSignature;
  if (!IsAboutSignature(reason)) {
    if (events == ChainEvents()) {
      return {};
    }
    rule = Rule::kSignatureChain;
    reason = events.chain_broken ? "CHAIN_BROKEN" : "COUNTER_GAP";
    message = absl::StrCat("batch ", batch.signature.has_value() ? batch.signature->counter : 0,
                           " of the device came ",
                           events.counter_gap ? "before others that it has signed" : "",
                           events.counter_gap && events.chain_broken ? ", and " : "",
                           events.chain_broken ? "with a digest that does not match" : "");
  }
  std::vector<Finding> findings;
  for (const auto& [point, span] : SpansOf(batch)) {
    if (IsUsable(span, now)) {
      findings.push_back({.metering_point = point,
                          .found = {rule, span, message},
                          .at_ingest = true,
                          .created_at = now,
                          .resolved_at = std::nullopt,
                          .device = batch.device,
                          .reason = reason});
    }
  }
  return findings;
}

}  // namespace peerwatt::metering
