#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "services/settlement/core/billing/document.h"

namespace peerwatt::settlement {

/// Writes a document as a UBL 2.1 Invoice that follows EN 16931: type 380, 384 when it corrects
/// another one, 389 when self-billed. A price per kWh is never negative there (BR-27): a line whose
/// energy and amount differ in sign has its energy's sign turned, and a note that says so.
/// Errors: as of CheckDocument; FIELD_INVALID without a number: previews are not exchanged.
absl::StatusOr<std::string> WriteUbl(const Document& document);

}  // namespace peerwatt::settlement
