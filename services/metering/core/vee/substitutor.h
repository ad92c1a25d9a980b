#pragma once

#include <optional>

#include "absl/status/statusor.h"
#include "services/metering/core/ingest.h"
#include "services/metering/core/ports.h"
#include "services/metering/core/vee/ports.h"
#include "services/metering/core/vee/substitution.h"

namespace peerwatt::metering {

/// Longest span that is filled at once.
inline constexpr absl::Duration kSubstituteSpanMax = absl::Hours(24 * 62);

/// Fills gaps of stored readings through the normal path of ingest.
class Substitutor {
 public:
  Substitutor(ReadingStore& readings, RegisterStore& registers, Ingest& ingest)
      : readings_(readings), registers_(registers), ingest_(ingest) {}

  /// Fills the intervals of a span that have no value. span: on the grid, at most 62 days.
  /// method: the best that the data allow if absent. Values that arrive meanwhile stay: a
  /// substitute that overtook one gives way to it as a further revision.
  /// Errors: those of `Substitute` and of ingest; DATABASE_UNAVAILABLE.
  absl::StatusOr<Substitution> Fill(const MeteringPointId& point, const Member& member,
                                    Interval span, std::optional<Method> method, absl::Time now);

 private:
  absl::Status Store(std::vector<Series> series, absl::Time now);
  absl::Status GiveWay(const Substitution& made, const Member& member, absl::Time now);

  ReadingStore& readings_;
  RegisterStore& registers_;
  Ingest& ingest_;
};

}  // namespace peerwatt::metering
