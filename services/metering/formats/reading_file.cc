#include "services/metering/formats/reading_file.h"

#include "services/metering/formats/csv_reader.h"
#include "services/metering/formats/csv_writer.h"
#include "services/metering/formats/espi_reader.h"
#include "services/metering/formats/espi_writer.h"

namespace peerwatt::metering {

std::unique_ptr<ReadingFileReader> NewReader(FileFormat format) {
  if (format == FileFormat::kEspi) {
    return std::make_unique<EspiReader>();
  }
  return std::make_unique<CsvReader>();
}

std::unique_ptr<ReadingFileWriter> NewWriter(FileFormat format, const FileHead& head) {
  if (format == FileFormat::kEspi) {
    return std::make_unique<EspiWriter>(head);
  }
  return std::make_unique<CsvWriter>(head);
}

absl::string_view ContentType(FileFormat format) {
  return format == FileFormat::kEspi ? "application/atom+xml" : "text/csv";
}

}  // namespace peerwatt::metering
