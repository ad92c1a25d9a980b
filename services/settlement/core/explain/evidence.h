#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/domain/interval.h"
#include "services/settlement/core/books.h"
#include "services/settlement/core/scheme.h"

namespace peerwatt::settlement {

/// A reading of a run that was not simply the first revision.
struct UsedRevision {
  MeteringPointId point;
  int32_t revision = 0;             ///< 0: there was none
  int32_t day_before_revision = 0;  ///< what stood in for it; 0: there was none either
};

/// What a run knew.
struct RunEvidence {
  int64_t readings_cursor = 0;
  std::vector<UsedRevision> revisions;
  std::string tariff;  ///< resource name; empty when there was none
  SchemeId scheme;     ///< empty when there was none
  absl::Time posted_at;
};

/// Answers what runs knew and posted.
class EvidenceStore {
 public:
  virtual ~EvidenceStore() = default;
  /// Nothing when the run posted no line.
  virtual absl::StatusOr<std::optional<RunEvidence>> FindRun(const CommunityId& community,
                                                             absl::Time period_start,
                                                             int32_t run) = 0;
  /// A participant's lines of a period, by run and number, without reference lines.
  virtual absl::StatusOr<std::vector<PostedBillLine>> ListLinesOfPeriod(
      const CommunityId& community, absl::Time period_start, const ParticipantId& participant) = 0;
};

/// A revision of a reading.
struct RevisedReading {
  MeteringPointId point;
  absl::Time start;
  int32_t revision = 0;
  Energy import_energy;
  Energy export_energy;
};

/// Every revision that metering has.
class ReadingHistory {
 public:
  virtual ~ReadingHistory() = default;
  virtual absl::StatusOr<std::vector<RevisedReading>> ListRevisions(
      const std::vector<MeteringPointId>& points, Interval span, absl::Duration resolution) = 0;
};

/// How a trade came about.
struct TradeOrigin {
  TradeId id;
  std::string bid;    ///< resource name of the order
  std::string offer;  ///< resource name of the order
  std::string origin;
  Energy energy;
  Price price;
  Price network_fee;
};

/// Trades as the market has them.
class TradeHistory {
 public:
  virtual ~TradeHistory() = default;
  /// Nothing when there is no such trade.
  virtual absl::StatusOr<std::optional<TradeOrigin>> FindTrade(const CommunityId& community,
                                                               Interval period,
                                                               const TradeId& trade) = 0;
};

}  // namespace peerwatt::settlement
