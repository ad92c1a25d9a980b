#pragma once

#include <memory>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "services/metering/formats/reading_file.h"

namespace peerwatt::metering {

/// Reads Green Button XML (NAESB REQ.21 ESPI): an Atom feed in which usage points, meter readings
/// and reading types come before the blocks that belong to them. Energy in any power of ten of watt
/// hours that is whole, forward and reverse. Parses as the bytes come. A document type, and so
/// every entity of its own, is refused; depth and lengths are bounded.
class EspiReader final : public ReadingFileReader {
 public:
  EspiReader();
  ~EspiReader() override;
  absl::Status Read(absl::string_view piece, FileSink& sink) override;
  absl::Status Finish(FileSink& sink) override;
  int64_t line() const override;

 private:
  class Handler;
  std::unique_ptr<Handler> handler_;
};

}  // namespace peerwatt::metering
