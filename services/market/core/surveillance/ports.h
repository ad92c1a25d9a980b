#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/market/core/surveillance/export_file.h"
#include "services/market/core/surveillance/survey.h"

namespace peerwatt::market {

/// The next day of a community that has no survey.
struct NextSurvey {
  absl::Time day_start;
  /// Whether all auctions of the day have opened and are final.
  bool is_final = false;
};

/// What is kept of a survey.
struct SurveyRecord {
  Interval day;
  SurveyResult result;
  int64_t trade_count = 0;
  int64_t order_count = 0;
  /// As `Describe` writes them.
  std::string thresholds;
  absl::Time survey_time;
};

/// Who stands behind a participant, as recorded at an instant. The last record counts.
struct BeneficialOwner {
  ParticipantId participant;
  ParticipantId owner;
  absl::Time record_time;
};

/// The trades and orders of final days, and what surveys said. Each method is one transaction.
/// Errors of all: those of the connection.
class SurveyStore {
 public:
  virtual ~SurveyStore() = default;
  /// Absent when the community has no auction.
  virtual absl::StatusOr<std::optional<NextSurvey>> FindNext(const CommunityId& community) = 0;
  /// Orders that never were in the book are left out.
  virtual absl::StatusOr<SurveyInput> Load(const CommunityId& community, Interval day) = 0;
  /// Keeps the survey of a day, unless there is one. Returns whether this call did it.
  virtual absl::StatusOr<bool> Keep(const CommunityId& community, const SurveyRecord& record) = 0;
};

/// Where a list of findings goes on.
struct FindingPlace {
  absl::Time day_start = absl::UnixEpoch();
  /// Counts from 1 within the day.
  int32_t number = 0;
};

/// A finding that was kept.
struct KeptFinding {
  FindingPlace place;
  Finding finding;
};

/// Which findings are asked for: those whose first delivery starts in `span`.
struct FindingQuery {
  CommunityId community;
  Interval span;
  /// Absent: every rule.
  std::optional<SurveillanceRule> rule;
  FindingPlace after;
  int32_t limit = 100;
};

/// How far surveys have come.
struct SurveyProgress {
  /// Absent when no day was surveyed.
  std::optional<absl::Time> surveyed_through;
  /// The first days in the span asked for whose survey ended at a bound.
  std::vector<absl::Time> incomplete_days;
};

/// What operators and regulators look at, and what they say about owners.
class SurveyView {
 public:
  virtual ~SurveyView() = default;
  /// By day and number.
  virtual absl::StatusOr<std::vector<KeptFinding>> ListFindings(const FindingQuery& query) = 0;
  /// At most `limit` incomplete days.
  virtual absl::StatusOr<SurveyProgress> GetProgress(const CommunityId& community, Interval span,
                                                     int32_t limit) = 0;
  /// Keeps who stands behind a participant from the next survey on, unless the last record says so
  /// already; a record is never changed. Returns the last record, which may be timed later than
  /// asked so that it comes after the one before.
  /// Errors: RECORD_RACED (kAborted) when others keep recording the same participant.
  virtual absl::StatusOr<BeneficialOwner> RecordOwner(const CommunityId& community,
                                                      const BeneficialOwner& owner) = 0;
  /// The last records by participant, after `after`.
  virtual absl::StatusOr<std::vector<BeneficialOwner>> ListOwners(const CommunityId& community,
                                                                  const ParticipantId& after,
                                                                  int32_t limit) = 0;
};

/// Pages of an export, by delivery and then by order id or trade number.
class ExportSource {
 public:
  virtual ~ExportSource() = default;
  /// Orders of deliveries that start before `end`, after an order (empty: from its delivery on).
  virtual absl::StatusOr<std::vector<ExportedOrder>> ListOrders(const AuctionKey& after_auction,
                                                                const OrderId& after,
                                                                absl::Time end, int32_t limit) = 0;
  /// Trades of deliveries that start before `end`, after a trade (0: from its delivery on).
  virtual absl::StatusOr<std::vector<ExportedTrade>> ListTrades(const AuctionKey& after_auction,
                                                                int32_t after, absl::Time end,
                                                                int32_t limit) = 0;
};

/// Watches surveys, for metrics.
class SurveyProbe {
 public:
  virtual ~SurveyProbe() = default;
  /// A survey was kept.
  virtual void DaySurveyed(const SurveyResult& result) = 0;
};

}  // namespace peerwatt::market
