#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "services/settlement/core/billing/document.h"

namespace peerwatt::settlement {

/// Draws documents as PDF: A4, its font embedded, the same bytes for the same document.
class PdfWriter {
 public:
  /// font_folder: holds DejaVuSans.ttf and DejaVuSans-Bold.ttf.
  explicit PdfWriter(std::string font_folder) : font_folder_(std::move(font_folder)) {}

  /// Parties, lines, taxes, totals, and a chart of the month's days. A document without a number is
  /// marked as a preview. Errors: as of CheckDocument; kInternal when the fonts cannot be read.
  absl::StatusOr<std::string> Write(const Document& document) const;

 private:
  std::string font_folder_;
};

}  // namespace peerwatt::settlement
