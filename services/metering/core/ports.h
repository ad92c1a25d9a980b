#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "services/metering/core/series.h"

namespace peerwatt::metering {

/// What was found out about metering points.
struct MemberLookup {
  absl::flat_hash_map<MeteringPointId, Member> members;
  /// OK: what is not among the members is unknown. Otherwise nothing can be said about those.
  absl::Status failure;
};

/// Knows metering points; stands for the registry.
class MemberDirectory {
 public:
  virtual ~MemberDirectory() = default;
  /// Looks metering points up. Duplicates are allowed.
  virtual MemberLookup Find(const std::vector<MeteringPointId>& points) = 0;
};

/// A batch that passed all rules, with the community of each of its series.
struct AcceptedBatch {
  const Batch* batch = nullptr;
  std::vector<CommunityId> communities;
};

/// What storing a batch did.
struct StoredCounts {
  int32_t stored = 0;
  int32_t unchanged = 0;
};

/// Where a list of readings begins and what it shows.
struct ListQuery {
  MeteringPointId metering_point;
  std::optional<absl::Time> start;
  std::optional<absl::Time> end;
  absl::Duration resolution;
  bool revisions = false;               ///< Every revision instead of the highest.
  std::optional<absl::Time> as_of;      ///< Only what was stored up to then.
  std::optional<absl::Time> after;      ///< The last reading of the page before …
  int32_t after_revision = 0;           ///< … and its revision.
  size_t limit = 100;
};

/// Readings of one metering point; one value per interval, revision 0 where there is none. A single
/// interval, of as many points as a market has, is asked most often: an hour lies in place.
struct ReadingColumn {
  template <typename T>
  using Values = absl::InlinedVector<T, 4>;

  /// So many intervals without a reading.
  static ReadingColumn Missing(size_t intervals) {
    return {Values<int64_t>(intervals, 0), Values<int64_t>(intervals, 0),
            Values<Quality>(intervals, Quality::kMissing), Values<int32_t>(intervals, 0)};
  }

  Values<int64_t> import_wh;
  Values<int64_t> export_wh;
  Values<Quality> qualities;
  Values<int32_t> revisions;
};

/// Columns in the order asked; every change up to `cursor` is in them.
struct ReadingColumns {
  std::vector<ReadingColumn> columns;
  int64_t cursor = 0;
};

/// A span of one metering point in which at least one reading was stored.
struct Change {
  int64_t cursor = 0;
  MeteringPointId metering_point;
  CommunityId community;
  Interval span;
};

/// Keeps readings. Every method fails with DATABASE_UNAVAILABLE when there is no database.
class ReadingStore {
 public:
  virtual ~ReadingStore() = default;
  /// Stores batches in one transaction, in their order: a reading that is known with the same
  /// values changes nothing, one with other values becomes the next revision. Notes what changed,
  /// and for each device the highest sequence. Returns counts per batch, after the commit.
  virtual absl::StatusOr<std::vector<StoredCounts>> Store(absl::Span<const AcceptedBatch> batches,
                                                          absl::Time now) = 0;
  /// The highest sequence stored for a device; 0 if none.
  virtual absl::StatusOr<int64_t> AcknowledgedSequence(const DeviceId& device) = 0;
  /// Lists readings in order of time, then revision.
  virtual absl::StatusOr<std::vector<Reading>> List(const ListQuery& query) = 0;
  /// Gets the highest revisions of many metering points in a span on the grid.
  virtual absl::StatusOr<ReadingColumns> Columns(const std::vector<MeteringPointId>& points,
                                                 Interval span, absl::Duration resolution) = 0;
  /// The highest revision of the latest interval that has a reading, if any.
  virtual absl::StatusOr<std::optional<Reading>> Latest(const MeteringPointId& point) = 0;
  /// The next changes after a cursor, in order, that no transaction still under way can precede;
  /// at most `limit`.
  virtual absl::StatusOr<std::vector<Change>> ChangesAfter(int64_t cursor, int32_t limit) = 0;
};

}  // namespace peerwatt::metering
