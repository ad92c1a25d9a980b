#pragma once

#include <span>

#include "absl/status/status.h"
#include "services/market/core/clearing/book.h"
#include "services/market/core/clearing/one_zone.h"

namespace peerwatt::market::clearing {

/// Withdraws as little energy as makes a pairing without self-trades possible, and clears the rest.
///
/// A pairing exists unless one owner buys and sells more than all trade together. Then the owner's
/// energy leaves the book, worst first, on the side that the mode names, by the least amount after
/// which the owner no longer exceeds it.
/// outcome: the outcome of the whole book; replaced where an owner exceeds it.
absl::Status KeepOwnersApart(std::span<const Entry> book, const Rules& rules, Scratch& scratch,
                             Outcome& outcome);

}  // namespace peerwatt::market::clearing
