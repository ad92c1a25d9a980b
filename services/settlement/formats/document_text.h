#pragma once

#include <string>

#include "libs/domain/quantities.h"
#include "services/settlement/core/billing/document.h"

namespace peerwatt::settlement {

// How figures of a document are written, the same in every format.

/// `12.345`: kilowatt hours, three decimals.
std::string KilowattHours(Energy energy);
/// `19.5`: percent without trailing zeros.
std::string Percent(int64_t rate_ppm);
/// What one kilowatt hour of a line comes to; `0` for a line without energy.
/// decimals: for people, at most ten; ten, without trailing zeros, for machines: the line's amount
/// follows from them to the coin.
std::string UnitPrice(const DocumentLine& line, int decimals = 10);
/// `Invoice`, `Corrected invoice`, `Self-billed invoice`.
std::string Title(const Document& document);
/// First and last day of the document's month.
absl::CivilDay FirstDay(const Document& document);
absl::CivilDay LastDay(const Document& document);

/// The document as CSV (RFC 4180): a line per charge, tax and total.
std::string WriteDocumentCsv(const Document& document);

}  // namespace peerwatt::settlement
