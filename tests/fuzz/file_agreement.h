#pragma once

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "libs/base/check.h"
#include "libs/base/error.h"
#include "services/metering/formats/reading_file.h"

namespace peerwatt::metering {

/// Notes what a file says as text.
class NoteSink final : public FileSink {
 public:
  void OnReading(FileReading reading) override {
    PW_CHECK(reading.interval.start < reading.interval.end, "an empty interval");
    PW_CHECK(reading.import_wh.has_value() || reading.export_wh.has_value(), "no direction");
    absl::StrAppend(&notes_, reading.line, " ", reading.point, " ",
                    absl::ToUnixSeconds(reading.interval.start), " ",
                    absl::ToUnixSeconds(reading.interval.end), " ",
                    reading.import_wh.value_or(-1), " ", reading.export_wh.value_or(-1), " ",
                    static_cast<int>(reading.quality), " ", static_cast<int>(reading.method), "\n");
  }
  void OnError(int64_t line, absl::Status error) override {
    PW_CHECK(!ReasonOf(error).empty(), "an error without a reason");
    absl::StrAppend(&notes_, line, " ", error.message(), "\n");
  }
  void OnEnd(int64_t line, const absl::Status& status) {
    if (!status.ok()) {
      OnError(line, status);
    }
  }
  const std::string& notes() const { return notes_; }

 private:
  std::string notes_;
};

/// What a file says when it comes in pieces of `piece_bytes`.
inline std::string NotesOf(FileFormat format, absl::string_view file, size_t piece_bytes) {
  NoteSink sink;
  const auto reader = NewReader(format);
  absl::Status status;
  while (status.ok() && !file.empty()) {
    const absl::string_view piece = file.substr(0, piece_bytes);
    status = reader->Read(piece, sink);
    file.remove_prefix(piece.size());
  }
  if (status.ok()) {
    status = reader->Finish(sink);
  }
  sink.OnEnd(reader->line(), status);
  return sink.notes();
}

/// Checks that a file says the same whole and in small pieces.
inline void CheckAgreement(FileFormat format, absl::string_view file) {
  const size_t piece_bytes = file.empty() ? 1 : 1 + static_cast<unsigned char>(file[0]) % 16;
  const std::string whole = NotesOf(format, file, file.size() + 1);
  const std::string pieces = NotesOf(format, file, piece_bytes);
  PW_CHECK(whole == pieces, absl::StrCat("whole: ", whole, "\npieces: ", pieces));
}

}  // namespace peerwatt::metering
