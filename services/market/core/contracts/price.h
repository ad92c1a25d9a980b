#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "services/market/core/contracts/values.h"

namespace peerwatt::market {

/// The closed span in which a price must lie; empty when the floor is above the cap.
struct PriceBounds {
  Price floor;
  Price cap;
  bool empty() const { return floor > cap; }
};

/// Floor and cap of a formula within the community's bounds; both are the price when it is fixed,
/// and the span is empty when that lies outside of the bounds.
PriceBounds BoundsOf(const PriceFormula& formula, PriceBounds community);

/// What the formula comes to: the index times the factor, rounded half to even, plus the offset;
/// then at least the floor and at most the cap. Without an index the fallback, within the same
/// bounds; nothing when there is none.
/// bounds: not empty, of BoundsOf.
std::optional<Price> PriceBy(const PriceFormula& formula, PriceBounds bounds,
                             std::optional<Price> index);

/// The one text of a formula that an order carries: `fixed`, or
/// `index seller 950000 -20000 else 180000` (factor in millionths, offset, fallback), or with
/// `else none`. Floor and cap are the limits of the two orders.
std::string FormatPriceRule(const PriceFormula& formula);
/// Reads what FormatPriceRule wrote. Errors: kInternal, for that is a bug of ours.
absl::StatusOr<PriceFormula> ParsePriceRule(absl::string_view text);

}  // namespace peerwatt::market
