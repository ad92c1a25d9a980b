#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "services/settlement/core/billing/document.h"
#include "services/settlement/core/line.h"

namespace peerwatt::settlement {

/// On which document lines of a kind stand; none: on no document. What participants sell stands on
/// self-billed invoices, everything else on invoices: the operator's share is something that a
/// producer buys.
std::optional<DocumentKind> DocumentOf(LineKind kind);

/// The kinds of lines that stand on a kind of document, in order.
std::vector<LineKind> KindsOf(DocumentKind document);

/// What names the charge of a kind within the documents of a month, such as `purchase`.
absl::string_view ChargeKey(LineKind kind);

/// The kind of a charge's key; none for keys of no kind.
std::optional<LineKind> KindOfCharge(absl::string_view key);

/// What a charge is, for people.
absl::string_view ChargeDescription(LineKind kind);

}  // namespace peerwatt::settlement
