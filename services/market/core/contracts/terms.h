#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "services/market/core/contracts/price.h"
#include "services/market/core/contracts/values.h"
#include "services/market/core/model.h"

namespace peerwatt::market {

/// Bounds of the lists of a profile.
inline constexpr size_t kContractWindowsMax = 32;
inline constexpr size_t kContractDatesMax = 400;
inline constexpr int32_t kNoticeDaysMax = 3650;
inline constexpr int64_t kFactorPpmMax = 10'000'000;
/// From the start of terms to their end.
inline constexpr absl::Duration kTermMax = absl::Hours(24 * 366 * 30);

/// Whether terms can be carried out in a community.
/// prefix: path of the terms in the request, such as `contract.terms`.
/// Errors: FIELD_INVALID with the path; PRICE_OUT_OF_RANGE for a formula whose floor and cap leave
/// nothing within the community's bounds.
absl::Status CheckTerms(const ContractTerms& terms, const CommunityRules& rules,
                        const std::string& prefix);

/// The bounds of prices that the registry sets for a community.
PriceBounds BoundsOf(const CommunityRules& rules);

/// The first start of delivery whose gate is still open: it closes after `now`, and is later than
/// `frozen`, the last delivery whose book is frozen (InfinitePast when there is none).
absl::Time FirstOpenDelivery(const CommunityRules& rules, absl::Time now, absl::Time frozen);

/// The version that counts for a delivery, or null when the contract does not: the newest that was
/// accepted before gate closure and is valid at the start of delivery, which lies before its end
/// and before the contract was cancelled for.
const ContractVersion* VersionInForce(const Contract& contract, absl::Time delivery_start,
                                      absl::Time gate_closure);

/// The version by whose terms a party may cancel at an instant: the newest accepted one that is
/// valid then, else the offer.
const ContractVersion& VersionAt(const Contract& contract, absl::Time now);

/// When a notice takes effect by its terms: `notice_days` later at the same time on the wall, then
/// at once, at the next midnight, or at the next first of a month (an instant that is one counts).
absl::Time EffectOf(const ContractTerms& terms, absl::Time notice_time);

/// When nothing of the contract can count any more; the end of the offer while that is open.
absl::Time OverAt(const Contract& contract);

}  // namespace peerwatt::market
