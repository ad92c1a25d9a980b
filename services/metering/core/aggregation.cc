#include "services/metering/core/aggregation.h"

#include <algorithm>

#include "absl/time/civil_time.h"
#include "libs/base/check.h"

namespace peerwatt::metering {
namespace {

/// The first instant of a local day. When its midnight is skipped, the instant of the change.
absl::Time StartOfDay(absl::CivilDay day, const absl::TimeZone& zone) {
  const absl::TimeZone::TimeInfo info = zone.At(absl::CivilSecond(day));
  return info.kind == absl::TimeZone::TimeInfo::SKIPPED ? info.trans : info.pre;
}

Interval WholeBucket(absl::Time time, Interval span, Step step, const absl::TimeZone& zone) {
  switch (step) {
    case Step::kHour: {
      const absl::Time start = FloorToGrid(time, absl::Hours(1));
      return {start, start + absl::Hours(1)};
    }
    case Step::kDay: {
      const absl::CivilDay day = absl::ToCivilDay(time, zone);
      return {StartOfDay(day, zone), StartOfDay(day + 1, zone)};
    }
    case Step::kMonth: {
      const absl::CivilMonth month = absl::ToCivilMonth(time, zone);
      return {StartOfDay(absl::CivilDay(month), zone), StartOfDay(absl::CivilDay(month + 1), zone)};
    }
    case Step::kTotal:
      break;
  }
  return span;
}

}  // namespace

Interval BucketAround(absl::Time time, Interval span, Step step, const absl::TimeZone& zone) {
  const Interval whole = WholeBucket(time, span, step, zone);
  return {std::max(whole.start, span.start), std::min(whole.end, span.end)};
}

void Aggregation::Add(const Reading& reading) {
  PW_CHECK(reading.start >= span_.start && reading.start < span_.end, "reading outside the span");
  if (buckets_.empty() || reading.start >= buckets_.back().span.end) {
    buckets_.emplace_back().span = BucketAround(reading.start, span_, step_, zone_);
  }
  Bucket& bucket = buckets_.back();
  PW_CHECK(reading.start >= bucket.span.start, "readings out of order");
  bucket.imported += reading.imported;
  bucket.exported += reading.exported;
  ++bucket.reading_count;
  bucket.quality = std::max(bucket.quality, reading.quality);
}

}  // namespace peerwatt::metering
