#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "libs/domain/ids.h"
#include "libs/domain/interval.h"
#include "services/metering/core/series.h"

namespace peerwatt::metering {

/// Longest line of a file, and longest token of an XML file, in bytes.
inline constexpr size_t kFileLineBytesMax = 64 << 10;

/// How a file is written.
enum class FileFormat { kCsv, kEspi };

/// One reading of a file.
struct FileReading {
  std::string point;  ///< What the file calls the metering point; empty when it names none.
  Interval interval;
  std::optional<int64_t> import_wh;  ///< Nothing: the file does not say.
  std::optional<int64_t> export_wh;  ///< Nothing: the file does not say.
  Quality quality = Quality::kMeasured;
  Method method = Method::kNone;
  int64_t line = 0;  ///< Where it stands, from 1.
};

/// Takes what a file says, in the file's order.
class FileSink {
 public:
  virtual ~FileSink() = default;
  virtual void OnReading(FileReading reading) = 0;
  /// A line (or an element) cannot be read; the file goes on after it.
  virtual void OnError(int64_t line, absl::Status error) = 0;
};

/// Reads a file that comes in pieces of any size. Holds a line, not the file.
class ReadingFileReader {
 public:
  virtual ~ReadingFileReader() = default;
  /// Reads the next piece. Errors: the file cannot be read any further, at `line()`.
  virtual absl::Status Read(absl::string_view piece, FileSink& sink) = 0;
  /// Reads what is left after the last piece. Errors: as `Read`.
  virtual absl::Status Finish(FileSink& sink) = 0;
  /// The line that is being read, from 1.
  virtual int64_t line() const = 0;
};

/// A reader for a format.
std::unique_ptr<ReadingFileReader> NewReader(FileFormat format);

/// What a file is about.
struct FileHead {
  MeteringPointId metering_point;
  absl::Duration interval;                            ///< Length where a reading says none.
  absl::TimeZone time_zone = absl::UTCTimeZone();     ///< Of the community.
  Interval span;                                      ///< What was asked for.
  absl::Time written_at;
};

/// How long a reading is.
inline absl::Duration LengthOf(const Reading& reading, const FileHead& head) {
  return reading.length > absl::ZeroDuration() ? reading.length : head.interval;
}

/// Writes the readings of one metering point. Every method appends text to `out`.
class ReadingFileWriter {
 public:
  virtual ~ReadingFileWriter() = default;
  virtual void Begin(std::string& out) = 0;
  /// In order of time.
  virtual void Add(const Reading& reading, std::string& out) = 0;
  virtual void End(std::string& out) = 0;
};

/// A writer for a format.
std::unique_ptr<ReadingFileWriter> NewWriter(FileFormat format, const FileHead& head);

/// The media type of a format.
absl::string_view ContentType(FileFormat format);

}  // namespace peerwatt::metering
