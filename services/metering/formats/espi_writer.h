#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "services/metering/formats/reading_file.h"

namespace peerwatt::metering {

/// Writes Green Button XML (NAESB REQ.21 ESPI 4.0): an Atom feed with a usage point, the rules of
/// its local time, a meter reading for each direction, and for each local day and direction a block
/// of readings in watt hours. Holds a day.
class EspiWriter final : public ReadingFileWriter {
 public:
  explicit EspiWriter(FileHead head);
  void Begin(std::string& out) override;
  void Add(const Reading& reading, std::string& out) override;
  void End(std::string& out) override;

 private:
  void AppendEntry(absl::string_view path, absl::string_view up,
                   const std::vector<std::string>& related, absl::string_view title,
                   absl::string_view content, std::string& out) const;
  void AppendDirection(int number, int64_t flow, absl::string_view title, std::string& out) const;
  void AppendDay(std::string& out);
  void AppendBlock(int number, std::string& out) const;

  const FileHead head_;
  const std::string point_path_;
  std::string updated_;
  absl::CivilDay day_;
  std::vector<Reading> readings_;  ///< of `day_`
};

}  // namespace peerwatt::metering
