#pragma once

#include <optional>
#include <string>

#include "peerwatt/settlement/v1/statements.pb.h"
#include "services/settlement/core/billing/statement_store.h"
#include "services/settlement/core/explain/line_explainer.h"

namespace peerwatt::settlement {

/// Fills the message. part: the statement that has the line, if there is one.
void Encode(const CommunityRules& rules, const LineExplanation& explanation,
            const std::optional<StatementPart>& part, v1::LineExplanation& proto);

}  // namespace peerwatt::settlement
