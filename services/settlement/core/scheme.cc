#include "services/settlement/core/scheme.h"

#include <set>

#include "absl/numeric/int128.h"
#include "libs/base/error.h"
#include "services/settlement/core/errors.h"

namespace peerwatt::settlement {

const Scheme& SchemeAt(const std::vector<Scheme>& versions, absl::Time time) {
  static const Scheme& none = *new Scheme();
  const Scheme* found = &none;
  for (const Scheme& version : versions) {
    if (version.starts_at <= time) found = &version;
  }
  return *found;
}

absl::Status CheckShares(const Scheme& scheme) {
  if (UsesTrades(scheme)) return absl::OkStatus();
  std::set<MeteringPointId> points;
  absl::int128 sum = 0;
  for (const PointShare& share : scheme.shares) {
    if (!points.insert(share.point).second || share.coefficient < 0) {
      return Error(kSharingInvalid, "a point occurs twice or has a negative coefficient",
                   {{"scheme", scheme.id.value()}, {"metering_point", share.point.value()}});
    }
    sum += share.coefficient;
  }
  if (UsesCoefficients(scheme.key) && sum != kCoefficientsWhole) {
    return Error(kSharingInvalid, "the coefficients do not sum to 1.000000",
                 {{"scheme", scheme.id.value()}});
  }
  return absl::OkStatus();
}

}  // namespace peerwatt::settlement
