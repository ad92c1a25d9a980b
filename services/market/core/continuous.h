#pragma once

#include <span>

#include "absl/status/statusor.h"
#include "services/market/core/clearing.h"

namespace peerwatt::market {

/// What continuous trading would have made of a book: for what-if answers. The engine is that of
/// continuous trading (`book/matching_engine.h`), with a book for each zone.
///
/// Orders enter by time then id. An order trades with the best-priced orders of the other side that
/// are there, equal prices by time, at their limits; what is left of it rests. Nobody trades with
/// himself: both orders stay. Welfare is by limits.
/// Returns fills, trades, energy and welfare; no price interval, no record but the zones' energy.
/// Errors: BOOK_INVALID, PREFERENCES_INVALID; PREFERENCES_UNSUPPORTED when an order prefers
/// something, as where orders are placed (kInvalidArgument).
absl::StatusOr<ClearingResult> ClearContinuously(std::span<const Order> orders,
                                                 const NetworkVersion& network);

}  // namespace peerwatt::market
