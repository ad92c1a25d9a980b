#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "services/metering/core/day.h"
#include "services/metering/core/ports.h"

namespace peerwatt::metering {

/// A day as storage keeps it. Two columns hold the present energies, so that a query can cut the
/// intervals that it needs out of them; what else there is to know stands in `detail`.
struct PackedDay {
  std::string import_wh;  ///< `ByteWriter::Column`, one number per interval.
  std::string export_wh;  ///< The same, or empty when all are 0.
  std::string detail;     ///< Writings, which value is of which, revisions, earlier values.
};

/// Writes and reads days. The layout of `detail`, all numbers as `ByteWriter::Unsigned` unless it
/// says otherwise: number of writings, then for each its time as the signed difference in
/// microseconds to the one before (the first to 1970) and a byte with quality (low 4 bits) and
/// method; then runs of intervals up to the last: length, writing, revision (0: no value); then
/// number of earlier values, then for each interval, revision, import, export, writing.
class DayCodec {
 public:
  static PackedDay Pack(const Day& day);
  /// Errors: kDataLoss when the bytes are not those of a day with this many intervals.
  static absl::StatusOr<Day> Unpack(size_t slot_count, absl::string_view import_wh,
                                    absl::string_view export_wh, absl::string_view detail);

  /// Which intervals of a day are cut out, and where in a column they go.
  struct Slice {
    size_t slot_count = 0;  ///< Of the whole day.
    size_t first = 0;       ///< The first of them in the day.
    size_t count = 0;
    size_t offset = 0;  ///< Its place in the column.
  };
  /// Reads some intervals of a day into a column. in: their imports and exports in bytes of these
  /// widths, 0 for no exports, then the detail of the whole day; what follows is left.
  /// Errors: kDataLoss.
  static absl::Status UnpackSlice(const Slice& slice, size_t import_width, size_t export_width,
                                  class ByteReader& in, ReadingColumn& column);

 private:
  static std::string PackDetail(const Day& day);
  static bool ReadWrites(class ByteReader& in, Day& day);
  static bool ReadRuns(class ByteReader& in, Day& day);
  static bool ReadSuperseded(class ByteReader& in, Day& day);
  static void SkipSuperseded(class ByteReader& in);
};

}  // namespace peerwatt::metering
