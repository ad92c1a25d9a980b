#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "tools/verify/period.h"
#include "tools/verify/tariff.h"

namespace peerwatt::verify {

/// A metering point with the connection that it stands behind.
struct Point {
  std::string id;
  std::string participant;
  std::string connection;
  int64_t created = INT64_MIN;  ///< seconds since 1970; the least when that is not known
};

/// A metering point where the community's network meets the main grid.
struct BoundaryPoint {
  std::string id;
  int64_t created = 0;  ///< in seconds since 1970, rounded up
};

/// What a point has in a sharing key.
struct PointShare {
  int64_t coefficient = 0;
  std::optional<int64_t> rank;
};

/// A scheme with its start, in seconds since 1970.
struct SchemeVersion {
  std::string id;
  int64_t start = 0;
  Terms terms;  ///< without the prices that the tariff or the community knows
  std::optional<int64_t> imbalance_purchase;
  std::optional<int64_t> imbalance_sale;
  std::optional<int64_t> operator_ppm;
  std::map<std::string, PointShare> shares;  ///< by point
};

/// What the registry's API says about a community.
struct Rules {
  std::string community;
  int64_t interval = 900;  ///< seconds
  int64_t network_fee = 0;
  int64_t operator_ppm = 0;
  absl::TimeZone zone = absl::UTCTimeZone();
  int64_t trading_start = INT64_MIN;
  std::vector<TariffVersion> tariffs;  ///< by start
  std::vector<SchemeVersion> schemes;  ///< by start
  std::vector<Point> points;           ///< of the community's members
  std::vector<BoundaryPoint> boundaries;  ///< of the community

  /// Tariff and scheme in force at a time; nothing when there is none.
  const TariffVersion* TariffAt(int64_t time) const;
  const SchemeVersion* SchemeAt(int64_t time) const;
  /// All that the settlement of a period depends on besides trades and readings.
  Terms TermsAt(int64_t time) const;
};

/// Reads the answers of the API, in JSON: a community, and its tariffs (or versions of them),
/// schemes and metering points, each one page or an array of pages. Errors: kInvalidArgument.
absl::StatusOr<Rules> ReadRules(absl::string_view community, absl::string_view tariffs,
                                absl::string_view schemes, absl::string_view points);

}  // namespace peerwatt::verify
