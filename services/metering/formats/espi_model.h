#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "services/metering/formats/espi_names.h"
#include "services/metering/formats/reading_file.h"

namespace peerwatt::metering {

/// The links of an Atom entry.
struct EspiLinks {
  std::string self;
  std::string up;
  std::vector<std::string> related;
};

/// What a reading type says; absent what the file does not say.
struct EspiReadingType {
  std::optional<int64_t> accumulation;
  std::optional<int64_t> commodity;
  std::optional<int64_t> flow;
  std::optional<int64_t> interval_s;
  std::optional<int64_t> kind;
  std::optional<int64_t> unit;
  int64_t power_of_ten = 0;
  int64_t default_quality = 0;
};

/// What the readings of a block have in common.
struct EspiSeries {
  std::string point;  ///< Our id where the file has it, else the usage point's address.
  bool forward = true;
  bool both_directions = false;  ///< The file announces the other direction of this usage point.
  int64_t power_of_ten = 0;
  Provenance provenance;
  std::optional<int64_t> interval_s;
};

/// An interval reading as far as it was read.
struct EspiReading {
  int64_t line = 0;
  absl::Status error;
  std::optional<int64_t> duration_s;
  std::optional<int64_t> start_s;
  std::optional<int64_t> value;
  std::optional<Provenance> provenance;
};
/// The reading of one direction. block_start_s: of its block; number: its place there, from 0; both
/// count where it says no time itself. Errors: that of `reading`; FILE_LINE_INVALID,
/// ENERGY_NOT_WHOLE.
absl::StatusOr<FileReading> ReadingOf(const EspiReading& reading, const EspiSeries& series,
                                      std::optional<int64_t> block_start_s, int64_t number);

/// The resources of a feed that readings refer to, found by the links between them. Bounded.
class EspiResources {
 public:
  /// Errors of all three: FILE_XML_INVALID when there are too many.
  absl::Status AddUsagePoint(EspiLinks links, std::string metering_point);
  absl::Status AddMeterReading(EspiLinks links);
  absl::Status AddReadingType(EspiLinks links, const EspiReadingType& type);
  /// What a block with these links belongs to. Where there is one of a kind, links are not needed.
  /// Errors: FILE_REFERENCE_UNKNOWN, FILE_READING_TYPE_UNSUPPORTED, FILE_LINE_INVALID.
  absl::StatusOr<EspiSeries> SeriesOf(const EspiLinks& block) const;

 private:
  struct UsagePoint {
    EspiLinks links;
    std::string metering_point;
  };
  struct ReadingType {
    EspiLinks links;
    EspiReadingType type;
  };

  const EspiLinks* MeterReadingOf(const EspiLinks& block) const;
  const EspiReadingType* TypeOf(const EspiLinks& meter_reading) const;
  /// An index into `usage_points_`, or nothing.
  std::optional<size_t> UsagePointOf(const EspiLinks& meter_reading) const;
  bool HasDirection(size_t usage_point, int64_t flow) const;

  std::vector<UsagePoint> usage_points_;
  std::vector<EspiLinks> meter_readings_;
  std::vector<ReadingType> reading_types_;
};

/// Brings both directions of an interval together. Bounded: of what waits too long, the sink gets
/// the one direction that is there.
class DirectionMerge {
 public:
  /// waits_max: intervals that may wait for their other direction.
  explicit DirectionMerge(size_t waits_max) : waits_max_(waits_max) {}
  /// reading: one direction of an interval.
  void Add(FileReading reading, FileSink& sink);
  /// Gives what waits to the sink, in order of time.
  void Flush(FileSink& sink);

 private:
  using Key = std::tuple<absl::Time, absl::Time, std::string>;
  const size_t waits_max_;
  std::map<Key, FileReading> waiting_;
};

}  // namespace peerwatt::metering
