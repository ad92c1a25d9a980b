#pragma once

#include <string>

#include "services/metering/formats/reading_file.h"

namespace peerwatt::metering {

/// Writes CSV with the columns metering_point, start_time, end_time, import_wh, export_wh, quality,
/// method and revision; times in UTC, lines end with CRLF (RFC 4180).
class CsvWriter final : public ReadingFileWriter {
 public:
  explicit CsvWriter(FileHead head) : head_(std::move(head)) {}
  void Begin(std::string& out) override;
  void Add(const Reading& reading, std::string& out) override;
  void End(std::string& /*out*/) override {}

 private:
  const FileHead head_;
};

}  // namespace peerwatt::metering
