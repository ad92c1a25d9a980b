#include "tools/verify/readings.h"

#include "libs/base/status_macros.h"
#include "tools/verify/csv.h"

namespace peerwatt::verify {

absl::Status Readings::Read(absl::string_view text, const PointIndex& points) {
  PW_ASSIGN_OR_RETURN(CsvReader reader,
                      CsvReader::Open(text, {"metering_point", "start_time", "end_time",
                                             "import_wh", "export_wh", "quality"}));
  while (reader.Next()) {
    const auto& fields = reader.fields();
    ++count_;
    const uint32_t point = points.Find(fields[0]);
    if (point == PointIndex::kNone || fields[5] == "MISSING") continue;
    PW_ASSIGN_OR_RETURN(const int64_t start, Instant(fields[1]));
    PW_ASSIGN_OR_RETURN(const int64_t end, Instant(fields[2]));
    const int64_t period = start - start % interval_;
    if (end > period + interval_) {
      return absl::InvalidArgumentError("a reading is longer than a period");
    }
    if (latest_ == nullptr || period != latest_period_) {
      latest_ = &by_period_[period];
      latest_->resize(points_);
      latest_period_ = period;
    }
    Measured& own = (*latest_)[point];
    PW_ASSIGN_OR_RETURN(const int64_t import_wh, NumberFrom(fields[3]));
    PW_ASSIGN_OR_RETURN(const int64_t export_wh, NumberFrom(fields[4]));
    own.import_wh += import_wh;
    own.export_wh += export_wh;
    own.seconds += end - start;
  }
  return reader.status();
}

const Measured* Readings::Find(uint32_t point, int64_t period) const {
  const auto found = by_period_.find(period);
  if (found == by_period_.end()) return nullptr;
  const Measured& own = found->second[point];
  return own.seconds == interval_ ? &own : nullptr;
}

/// Readings come with few instants, often the same again.
absl::StatusOr<int64_t> Readings::Instant(absl::string_view text) {
  for (const auto& [known, seconds] : recent_) {
    if (known == text) return seconds;
  }
  PW_ASSIGN_OR_RETURN(const int64_t seconds, SecondsFrom(text));
  recent_[next_] = {std::string(text), seconds};
  next_ = (next_ + 1) % recent_.size();
  return seconds;
}

}  // namespace peerwatt::verify
