#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/civil_time.h"
#include "peerwatt/market/v1/autopilot.pb.h"
#include "services/market/core/autopilot/report.h"

namespace peerwatt::market {

/// Reads a day as `20261224`. Errors: FIELD_INVALID.
absl::StatusOr<absl::CivilDay> DayFrom(absl::string_view text, absl::string_view field);

/// A plan without its name. version: that by which it was made.
peerwatt::market::v1::StandingOrderPlan ToProto(const DayPlan& plan, const StandingOrder& version,
                                                const std::string& currency);

/// What is reported: local days from first to last.
struct ReportedDays {
  absl::CivilDay first;
  absl::CivilDay last;
  absl::TimeZone zone;
  /// By which the first of them was planned.
  const StandingOrder& version;
};

/// Writes sums, each day, and intervals where one day is reported.
void WriteReport(const std::vector<ReportedInterval>& report, const ReportedDays& days,
                 const std::string& currency,
                 peerwatt::market::v1::StandingOrderReport& response);

}  // namespace peerwatt::market
