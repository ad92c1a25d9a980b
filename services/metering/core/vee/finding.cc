#include "services/metering/core/vee/finding.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace peerwatt::metering {

absl::string_view RuleName(Rule rule) {
  switch (rule) {
    case Rule::kGap:
      return "GAP";
    case Rule::kOverlap:
      return "OVERLAP";
    case Rule::kNegativeOnOneWay:
      return "NEGATIVE_ON_ONE_WAY";
    case Rule::kOutlier:
      return "OUTLIER";
    case Rule::kZeroRun:
      return "ZERO_RUN";
    case Rule::kWrongLength:
      return "WRONG_LENGTH";
    case Rule::kCollapsedDstHour:
      return "COLLAPSED_DST_HOUR";
    case Rule::kFuture:
      return "FUTURE";
    case Rule::kImplausible:
      return "IMPLAUSIBLE";
    case Rule::kRegisterMismatch:
      return "REGISTER_MISMATCH";
    case Rule::kRegisterBackwards:
      return "REGISTER_BACKWARDS";
    case Rule::kRefused:
      return "REFUSED";
    case Rule::kSignature:
      return "SIGNATURE";
    case Rule::kSignatureChain:
      return "SIGNATURE_CHAIN";
  }
  return "";
}

std::vector<Found> Merged(std::vector<Found> found) {
  std::stable_sort(found.begin(), found.end(), [](const Found& a, const Found& b) {
    return std::pair(a.rule, a.span.start) < std::pair(b.rule, b.span.start);
  });
  std::vector<Found> merged;
  for (Found& one : found) {
    if (!merged.empty() && merged.back().rule == one.rule &&
        merged.back().span.start == one.span.start) {
      merged.back().span.end = std::max(merged.back().span.end, one.span.end);
      absl::StrAppend(&merged.back().message, "; ", one.message);
    } else {
      merged.push_back(std::move(one));
    }
  }
  return merged;
}

}  // namespace peerwatt::metering
