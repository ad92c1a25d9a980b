#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "services/metering/formats/reading_file.h"

namespace peerwatt::metering {

/// Reads CSV of RFC 4180: a header with the names of the columns in any order, then a line per
/// reading. Needs `start_time`, `end_time` and `import_wh` or `import_kwh`; knows besides
/// `metering_point`, `export_wh` or `export_kwh` (absent: 0), `quality` (absent: MEASURED),
/// `method`, and `revision`, which it skips. A byte order mark, CRLF and blank lines are taken.
class CsvReader final : public ReadingFileReader {
 public:
  absl::Status Read(absl::string_view piece, FileSink& sink) override;
  absl::Status Finish(FileSink& sink) override;
  int64_t line() const override { return record_line_; }

 private:
  enum class State { kFieldStart, kPlain, kQuoted, kQuoteSeen, kReturnSeen, kSkip };
  enum class Column {
    kMeteringPoint,
    kStartTime,
    kEndTime,
    kImportWh,
    kImportKwh,
    kExportWh,
    kExportKwh,
    kQuality,
    kMethod,
    kRevision,
  };
  static constexpr size_t kColumnCount = 10;

  /// Takes a byte in the state `state_`.
  void Take(char c, FileSink& sink);
  /// Leaves the rest of this line out.
  void Refuse(absl::Status error, FileSink& sink);
  absl::Status EndRecord(FileSink& sink);
  absl::Status ReadHeader();
  absl::Status ReadFields(FileReading& reading) const;
  absl::string_view Field(size_t i) const;
  void ClearRecord();

  State state_ = State::kFieldStart;
  bool header_read_ = false;
  size_t mark_bytes_ = 0;  ///< bytes of a byte order mark that were seen; 4: no longer looked for
  int64_t line_ = 1;
  int64_t record_line_ = 1;
  size_t record_bytes_ = 0;
  bool quoted_ = false;
  std::string text_;               ///< fields of the record, without quotes, one after another
  std::vector<size_t> field_ends_;
  std::vector<Column> columns_;
};

}  // namespace peerwatt::metering
