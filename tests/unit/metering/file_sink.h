#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "libs/base/error.h"
#include "services/metering/formats/reading_file.h"

namespace peerwatt::metering::testing {

/// Keeps what a file says.
struct FakeSink final : FileSink {
  void OnReading(FileReading reading) override { readings.push_back(std::move(reading)); }
  void OnError(int64_t line, absl::Status error) override {
    errors.push_back(std::to_string(line) + " " + ReasonOf(error));
  }
  std::vector<FileReading> readings;
  std::vector<std::string> errors;  ///< line and reason
};

/// Reads a whole file in pieces of `piece_bytes`. Returns how it ended, with line and reason when
/// it could not be read on; else empty.
inline std::string ReadFile(FileFormat format, absl::string_view text, FakeSink& sink,
                            size_t piece_bytes = 1 << 20) {
  const auto reader = NewReader(format);
  absl::Status status;
  while (status.ok() && !text.empty()) {
    const absl::string_view piece = text.substr(0, piece_bytes);
    status = reader->Read(piece, sink);
    text.remove_prefix(piece.size());
  }
  if (status.ok()) {
    status = reader->Finish(sink);
  }
  return status.ok() ? "" : std::to_string(reader->line()) + " " + ReasonOf(status);
}

}  // namespace peerwatt::metering::testing
