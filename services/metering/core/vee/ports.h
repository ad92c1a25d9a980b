#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "services/metering/core/series.h"
#include "services/metering/core/vee/finding.h"
#include "services/metering/core/vee/registers.h"

namespace peerwatt::metering {

/// Register values of one metering point to be listed.
struct RegisterQuery {
  MeteringPointId metering_point;
  std::optional<absl::Time> start;
  std::optional<absl::Time> end;
  std::optional<RegisterValue> after;  ///< The last value of the page before.
  size_t limit = 100;
};

/// Keeps register values, every revision. Methods fail with DATABASE_UNAVAILABLE.
class RegisterStore {
 public:
  virtual ~RegisterStore() = default;
  /// Stores values in one transaction: the same value again changes nothing, another becomes the
  /// next revision. Asks for the examination of what they touch. Returns after the commit.
  virtual absl::Status Keep(absl::Span<const RegisterSeries* const> series, absl::Time now) = 0;
  /// The highest revisions of all registers of a point from `span.start` to `span.end`, both
  /// included, and of each kind the nearest ones before and after.
  virtual absl::StatusOr<std::vector<RegisterValue>> Around(const MeteringPointId& point,
                                                            Interval span) = 0;
  /// Those of the points that have any register value.
  virtual absl::StatusOr<std::vector<MeteringPointId>> PointsWithValues(
      const std::vector<MeteringPointId>& points) = 0;
  /// Lists highest revisions by time, kind and meter.
  virtual absl::StatusOr<std::vector<RegisterValue>> List(const RegisterQuery& query) = 0;
};

/// Where the validator stands in the feed of changes. version: grows with each commit.
struct ValidatorPosition {
  int64_t cursor = 0;
  int64_t version = 0;
};

/// What the validator knows of a metering point.
struct PointState {
  MeteringPointId metering_point;
  absl::Time begins_at;      ///< Start of its first reading: from there on it is declared.
  absl::Time latest_at;      ///< End of its latest reading.
  absl::Time next_day_at;    ///< Start of the first local day that was not examined yet.
  absl::Time due_at;         ///< When that day is to be examined.
};

/// A span of a metering point that somebody wants examined again.
struct WantedExamination {
  int64_t number = 0;
  MeteringPointId metering_point;
  Interval span;
};

/// What a validator has found out in a step; stored together or not at all.
struct ValidatorStep {
  /// A span of a point in which all findings of a group of rules were determined.
  struct Examined {
    MeteringPointId metering_point;
    Interval span;
    bool registers = false;  ///< Rules about registers, or the others.
  };

  ValidatorPosition from;
  int64_t cursor = 0;
  std::vector<PointState> points;
  std::vector<Examined> examined;
  std::vector<Finding> found;           ///< In the spans examined; the others are resolved.
  std::vector<WantedExamination> done;  ///< Wishes that were fulfilled.
  /// Spans in which readings were stored: findings of refused batches in them are resolved.
  std::vector<Examined> stored;
};

/// How many findings of each rule were opened and resolved.
struct FindingCounts {
  std::map<Rule, int64_t> opened;
  std::map<Rule, int64_t> resolved;
};

/// Findings to be listed, newest span first.
struct FindingQuery {
  std::optional<MeteringPointId> metering_point;  ///< Of all points when absent.
  std::optional<absl::Time> start;
  std::optional<absl::Time> end;
  bool resolved = false;         ///< Also those that are resolved.
  std::optional<Finding> after;  ///< The last finding of the page before.
  size_t limit = 100;
};

/// Keeps findings, and where the validator stands. Methods fail with DATABASE_UNAVAILABLE.
class FindingStore {
 public:
  virtual ~FindingStore() = default;
  /// Stores findings about refused batches, or opens them again.
  virtual absl::StatusOr<FindingCounts> Note(absl::Span<const Finding> findings) = 0;
  virtual absl::StatusOr<std::vector<Finding>> List(const FindingQuery& query) = 0;

  virtual absl::StatusOr<ValidatorPosition> Position() = 0;
  /// The states of those points that have one.
  virtual absl::StatusOr<std::vector<PointState>> Points(
      const std::vector<MeteringPointId>& points) = 0;
  /// Points with a day that is due, the longest due first.
  virtual absl::StatusOr<std::vector<PointState>> DuePoints(absl::Time now, int32_t limit) = 0;
  virtual absl::StatusOr<std::vector<WantedExamination>> Wanted(int32_t limit) = 0;
  /// Commits a step in one transaction. Nothing when another validator was faster: the position is
  /// not `from` any more, and nothing was stored.
  virtual absl::StatusOr<std::optional<FindingCounts>> Commit(const ValidatorStep& step,
                                                              absl::Time now) = 0;
};

}  // namespace peerwatt::metering
