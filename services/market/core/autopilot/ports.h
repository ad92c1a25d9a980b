#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "services/market/core/autopilot/plan.h"
#include "services/market/core/autopilot/report.h"
#include "services/market/core/ports.h"

namespace peerwatt::market {

/// What is likely to flow on a day.
class DayForecasts {
 public:
  virtual ~DayForecasts() = default;
  /// As Metering::ForecastInterval, for each interval of a span on the community's grid.
  virtual absl::StatusOr<SpanForecasts> ForecastSpan(const std::vector<MeteringPointId>& points,
                                                     Interval span, absl::Duration interval,
                                                     absl::Time data_end) = 0;
};

/// What the main grid charges and pays.
class Tariffs {
 public:
  virtual ~Tariffs() = default;
  /// The tariffs in force within a span.
  virtual absl::StatusOr<TariffBook> InForce(const CommunityId& community, Interval span) = 0;
};

/// An auction whose quotes can be renewed.
struct QuotableAuction {
  Auction auction;
  /// Steps of the ramps that it has seen.
  int32_t quoted_steps = 0;
};

/// What became of an auction's quotes.
struct NewQuotes {
  /// Orders that were withdrawn, whose holds are to be released.
  std::vector<HoldReduction> withdrawn;
  /// Orders that were added, pending.
  int64_t added = 0;
};

/// Plans and quotes. Each method is one transaction.
class AutopilotStore {
 public:
  virtual ~AutopilotStore() = default;
  /// Whether all plans for a day are kept.
  virtual absl::StatusOr<bool> IsPlanned(const CommunityId& community, absl::Time day_start) = 0;
  /// Limits of the community's orders, by version.
  virtual absl::StatusOr<std::vector<LimitsVersion>> ListLimits(const CommunityId& community) = 0;
  /// Keeps plans for one day; those that are kept already stay as they are.
  virtual absl::Status KeepPlans(const CommunityId& community,
                                 const std::vector<DayPlan>& plans) = 0;
  /// Says that all plans for a day are kept.
  virtual absl::Status MarkPlanned(const CommunityId& community, absl::Time day_start,
                                   absl::Time plan_time) = 0;
  /// Active standing orders with a ramp, as they are now, by participant and id.
  virtual absl::StatusOr<std::vector<StandingOrder>> ListRamped(const CommunityId& community) = 0;
  /// Open auctions whose gate closes after `now`, by delivery.
  virtual absl::StatusOr<std::vector<QuotableAuction>> ListQuotable(const CommunityId& community,
                                                                    absl::Time now) = 0;
  /// Withdraws the quotes of an open auction and adds those that `place` returns, as the number
  /// `steps` of steps seen. Returns nothing when the auction is not open, has seen as many steps,
  /// or the market is halted.
  virtual absl::StatusOr<std::optional<NewQuotes>> ReplaceQuotes(
      const AuctionKey& key, int32_t steps, const DayBudgets& budgets,
      absl::FunctionRef<std::vector<Order>(const Closing&)> place) = 0;
};

/// What owners look at.
class AutopilotView {
 public:
  virtual ~AutopilotView() = default;
  /// Plans of days that start in a span, by day.
  virtual absl::StatusOr<std::vector<DayPlan>> ListPlans(const CommunityId& community,
                                                         const ParticipantId& participant,
                                                         const StandingOrderId& id,
                                                         Interval span) = 0;
  /// Plans, orders and trades of deliveries that start in a span; no tariffs.
  virtual absl::StatusOr<ReportInput> ReadReport(const CommunityId& community,
                                                 const ParticipantId& participant,
                                                 const StandingOrderId& id, Interval span) = 0;
  /// Versions after a number, by number.
  virtual absl::StatusOr<std::vector<StandingOrder>> ListVersions(
      const CommunityId& community, const ParticipantId& participant, const StandingOrderId& id,
      int32_t after, int32_t limit) = 0;
};

}  // namespace peerwatt::market
