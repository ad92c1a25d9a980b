#include "services/metering/formats/csv_writer.h"

#include "absl/strings/str_cat.h"
#include "services/metering/formats/text.h"

namespace peerwatt::metering {

void CsvWriter::Begin(std::string& out) {
  out += "metering_point,start_time,end_time,import_wh,export_wh,quality,method,revision\r\n";
}

void CsvWriter::Add(const Reading& reading, std::string& out) {
  // No field can hold a comma or a quote: ids are letters, digits and hyphens.
  absl::StrAppend(&out, head_.metering_point.value(), ",");
  AppendInstant(reading.start, out);
  out += ',';
  AppendInstant(reading.start + LengthOf(reading, head_), out);
  absl::StrAppend(&out, ",", reading.imported.wh(), ",", reading.exported.wh(), ",",
                  QualityName(reading.quality), ",", MethodName(reading.method), ",",
                  reading.revision, "\r\n");
}

}  // namespace peerwatt::metering
