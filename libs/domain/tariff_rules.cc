#include "libs/domain/tariff_rules.h"

#include <algorithm>

#include "libs/base/check.h"
#include "libs/domain/arithmetic.h"

namespace peerwatt {

std::optional<PriceInForce> PriceAt(const EnergyPrices& prices, absl::CivilMinute local) {
  for (const WindowedPrice& price : prices.prices) {
    const bool holds =
        std::any_of(price.windows.begin(), price.windows.end(),
                    [&](const LocalWindow& window) { return Contains(window, local); });
    if (holds) return PriceInForce{price.price, price.is_taxable, price.id};
  }
  if (!prices.default_price.has_value()) return std::nullopt;
  return PriceInForce{*prices.default_price, prices.default_is_taxable, ""};
}

absl::Time DayStart(absl::CivilDay day, absl::TimeZone zone) {
  // Of a repeated midnight `FromCivil` gives the first, of a skipped one the instant after it by
  // the offset before: the end of the gap.
  return absl::FromCivil(day, zone);
}

Money DayPrice(Money month_price, int days) {
  PW_CHECK(days >= 1 && days <= 31, "a month has at most 31 days");
  return Money::Micros(MulDiv(month_price.micros(), 1, days, Rounding::kHalfAway));
}

std::string NameOf(SubscriptionBasis basis) {
  return basis == SubscriptionBasis::kGridConnection ? "grid-connection" : "participant";
}

std::string NameOf(PieceFeeBasis basis) {
  switch (basis) {
    case PieceFeeBasis::kPurchase:
      return "purchase";
    case PieceFeeBasis::kSale:
      return "sale";
    case PieceFeeBasis::kGridConnectionMonth:
      return "grid-connection-month";
    case PieceFeeBasis::kParticipantMonth:
      return "participant-month";
  }
  return "";
}

}  // namespace peerwatt
