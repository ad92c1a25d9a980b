#pragma once

#include <span>

#include "absl/status/statusor.h"
#include "services/market/core/clearing.h"

namespace peerwatt::market {

/// What a continuous double auction would have made of a book: for what-if answers.
///
/// Orders meet as they come, by time then id. An order trades with the best-priced orders of the
/// other side that are there, equal prices by time, at their limits; what is left of it waits. Each
/// zone is a market of its own. Nobody trades with himself or against a requirement; premiums do
/// not count. Welfare is by limits.
/// Returns fills, trades, energy and welfare; no price interval, no record but the zones' energy.
/// Errors: BOOK_INVALID, PREFERENCES_INVALID (kInvalidArgument).
absl::StatusOr<ClearingResult> ClearContinuously(std::span<const Order> orders,
                                                 const NetworkVersion& network);

}  // namespace peerwatt::market
