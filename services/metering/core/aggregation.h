#pragma once

#include <cstdint>
#include <vector>

#include "absl/time/time.h"
#include "services/metering/core/series.h"

namespace peerwatt::metering {

/// What one sum covers. Hours are those of UTC; days and months those of a time zone.
enum class Step { kTotal, kHour, kDay, kMonth };

/// One sum.
struct Bucket {
  Interval span;
  Energy imported;
  Energy exported;
  int64_t reading_count = 0;
  Quality quality = Quality::kMeasured;  ///< The weakest in the sum.

  bool operator==(const Bucket&) const = default;
};

/// The hour, local day or local month around `time`, cut to `span`. A local day has 23 or 25 hours
/// when the clocks change; where midnight does not exist, it starts at the first instant after.
Interval BucketAround(absl::Time time, Interval span, Step step, const absl::TimeZone& zone);

/// Adds up readings that arrive in order of time. A reading belongs to the bucket in which its
/// interval starts.
class Aggregation {
 public:
  /// span: what is asked; buckets at its ends are cut to it.
  Aggregation(Interval span, Step step, absl::TimeZone zone)
      : span_(span), step_(step), zone_(zone) {}
  /// Adds a reading; its start lies in the span and not before the one added last.
  void Add(const Reading& reading);
  /// The sums in order of time; spans without a reading are left out.
  const std::vector<Bucket>& buckets() const { return buckets_; }

 private:
  const Interval span_;
  const Step step_;
  const absl::TimeZone zone_;
  std::vector<Bucket> buckets_;
};

}  // namespace peerwatt::metering
