#include "tools/verify/readings.h"

#include "libs/base/status_macros.h"
#include "tools/verify/csv.h"

namespace peerwatt::verify {

absl::Status Readings::Read(absl::string_view text,
                            const absl::flat_hash_map<std::string, uint32_t>& point_numbers) {
  PW_ASSIGN_OR_RETURN(CsvReader reader,
                      CsvReader::Open(text, {"metering_point", "start_time", "end_time",
                                             "import_wh", "export_wh", "quality"}));
  while (reader.Next()) {
    const auto& fields = reader.fields();
    ++count_;
    const auto point = point_numbers.find(fields[0]);
    if (point == point_numbers.end() || fields[5] == "MISSING") continue;
    PW_ASSIGN_OR_RETURN(const int64_t start, Instant(fields[1]));
    PW_ASSIGN_OR_RETURN(const int64_t end, Instant(fields[2]));
    const int64_t period = start - start % interval_;
    if (end > period + interval_) {
      return absl::InvalidArgumentError("a reading is longer than a period");
    }
    std::vector<Measured>& measured = by_period_[period];
    measured.resize(points_);
    Measured& own = measured[point->second];
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
