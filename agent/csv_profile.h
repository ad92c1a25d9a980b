#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/numeric/int128.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "agent/source.h"

namespace peerwatt::agent {

/// The rows of a profile file: `timestamp,electricity` with the start of an interval in Unix
/// seconds (`1613343600` or `1613343600.0`) and a decimal value that is not negative.
struct CsvProfile {
  std::vector<int64_t> starts;       ///< Unix seconds, ascending
  std::vector<absl::int128> values;  ///< times 10^18

  /// Reads the text of a file. name: for messages.
  /// Errors: PROFILE_INVALID with name and line: a wrong header, a row without two fields, a time
  /// that is not a whole second or not after the one before, a value that is negative, malformed
  /// or has more digits than can be kept.
  static absl::StatusOr<CsvProfile> Parse(absl::string_view text, absl::string_view name);
  /// Reads a file. Errors: as Parse, and PROFILE_INVALID when it cannot be read.
  static absl::StatusOr<CsvProfile> Load(const std::string& path);
};

/// A profile as a source. A row speaks for the interval that starts at its time, nothing else; an
/// interval without a row has no value.
class CsvSource final : public ReadingSource {
 public:
  /// The values are mean power in watts. Errors: PROFILE_INVALID above PowerMax.
  static absl::StatusOr<std::unique_ptr<CsvSource>> Watts(
      std::shared_ptr<const CsvProfile> profile);
  /// The values are kilowatts per kilowatt peak; `peak_w` is the size of the plant in watts peak
  /// (5 kWp = 5000). Errors: PROFILE_INVALID above PowerMax.
  static absl::StatusOr<std::unique_ptr<CsvSource>> KilowattsPerPeak(
      std::shared_ptr<const CsvProfile> profile, int64_t peak_w);

  std::optional<Power> MeanPower(const Interval& interval) const override;

 private:
  CsvSource(std::shared_ptr<const CsvProfile> profile, int64_t factor)
      : profile_(std::move(profile)), factor_(factor) {}
  static absl::StatusOr<std::unique_ptr<CsvSource>> Make(std::shared_ptr<const CsvProfile> profile,
                                                         int64_t factor);

  std::shared_ptr<const CsvProfile> profile_;
  int64_t factor_;  // watts per unit of the file
};

}  // namespace peerwatt::agent
