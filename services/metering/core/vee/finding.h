#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "libs/domain/ids.h"
#include "libs/domain/interval.h"

namespace peerwatt::metering {

/// Rules that find something wrong with readings. The numbers are those in the database.
enum class Rule : int16_t {
  kGap = 1,               ///< No value in an interval of the declared period.
  kOverlap = 2,           ///< A device sent the same interval twice in one batch.
  kNegativeOnOneWay = 3,  ///< Energy in a direction in which nothing can flow.
  kOutlier = 4,           ///< Far from the values at the same time of other days (Hampel).
  kZeroRun = 5,           ///< Nothing measured where something usually is, for long.
  kWrongLength = 6,       ///< More or fewer values than the calendar says.
  kCollapsedDstHour = 7,  ///< The hour that the clock repeats was sent once.
  kFuture = 8,            ///< A device sent intervals that were not over.
  kImplausible = 9,       ///< More energy than the capacity lets through.
  kRegisterMismatch = 10,   ///< The register moved by another sum, or too far.
  kRegisterBackwards = 11,  ///< A register fell, and did not roll over.
  kRefused = 12,            ///< A device's batch broke another rule of ingest.
  kSignature = 13,          ///< A device's batch was not signed as it must be, and refused.
  kSignatureChain = 14,     ///< A signed batch does not follow the one before; it is stored.
};

inline constexpr std::array kRules = {
    Rule::kGap,          Rule::kOverlap,          Rule::kNegativeOnOneWay,
    Rule::kOutlier,      Rule::kZeroRun,          Rule::kWrongLength,
    Rule::kCollapsedDstHour, Rule::kFuture,       Rule::kImplausible,
    Rule::kRegisterMismatch, Rule::kRegisterBackwards, Rule::kRefused,
    Rule::kSignature,    Rule::kSignatureChain};

/// The rule's id, such as `GAP`.
absl::string_view RuleName(Rule rule);

/// Whether a rule judges pairs of register values, which may span many days, and not a day.
constexpr bool IsRegisterRule(Rule rule) {
  return rule == Rule::kRegisterMismatch || rule == Rule::kRegisterBackwards;
}

/// What a rule says about a span of a metering point.
struct Found {
  Rule rule = Rule::kGap;
  Interval span;
  std::string message;  ///< For people; no reading of a named person.

  bool operator==(const Found&) const = default;
};

/// Sorts findings by rule and start, and makes those of one rule with the same start one, over the
/// longer span: import and export may break a rule at the same time.
std::vector<Found> Merged(std::vector<Found> found);

/// A stored finding. Known by point, rule, `at_ingest` and the start of its span.
struct Finding {
  MeteringPointId metering_point;
  Found found;
  bool at_ingest = false;  ///< About what a device sent, not about stored readings.
  absl::Time created_at;
  std::optional<absl::Time> resolved_at;
  DeviceId device = {};      ///< Whose batch it is about; empty for others.
  std::string reason = {};   ///< Of the batch's refusal or event, such as `SIGNATURE_INVALID`.
};

}  // namespace peerwatt::metering
