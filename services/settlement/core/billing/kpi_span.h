#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/domain/interval.h"

namespace peerwatt::settlement {

/// How long a part of a span is.
enum class KpiStep { kNone, kPeriod, kDay, kMonth };

/// How a caller names a span: by one of the three ways.
struct KpiSpanRequest {
  std::optional<absl::Time> start;  ///< together with `end`
  std::optional<absl::Time> end;
  std::string day;    ///< such as `2026-07-14`
  std::string month;  ///< such as `2026-07`
  KpiStep step = KpiStep::kNone;
};

/// What a span is measured by.
struct KpiGrid {
  absl::TimeZone zone;    ///< of the community
  absl::Duration period;  ///< of settlement
  absl::Duration longest = absl::Hours(24 * 367);
};

/// A span and the parts it is asked for by.
struct KpiSpan {
  Interval whole;
  /// Instants at which a part starts, the first at the start of the span; never empty.
  std::vector<absl::Time> starts;
  bool has_parts = false;

  /// A part by its number.
  Interval Part(size_t number) const;
};

/// The most parts of a span.
inline constexpr size_t kKpiPartsMax = 366;

/// Reads a span. Days and months are local ones of the community: those on which clocks change are
/// shorter or longer. Errors: FIELD_INVALID.
absl::StatusOr<KpiSpan> ReadKpiSpan(const KpiSpanRequest& request, const KpiGrid& grid);

}  // namespace peerwatt::settlement
