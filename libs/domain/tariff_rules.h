#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "libs/domain/local_window.h"
#include "libs/domain/quantities.h"

namespace peerwatt {

/// A price of energy at some times.
struct WindowedPrice {
  std::string id;  ///< names it within its list
  Price price;
  std::vector<LocalWindow> windows;  ///< at least one; no two of a list overlap
  bool is_taxable = true;
  bool operator==(const WindowedPrice&) const = default;
};

/// What energy of one direction costs, by time of use.
struct EnergyPrices {
  std::optional<Price> default_price;  ///< outside of all windows; none: missing there
  bool default_is_taxable = true;
  std::vector<WindowedPrice> prices;
  bool operator==(const EnergyPrices&) const = default;
};

/// Who pays a subscription. The numbers are those of the protocol.
enum class SubscriptionBasis { kGridConnection = 1, kParticipant = 2 };
/// What a fee counts. The numbers are those of the protocol.
enum class PieceFeeBasis {
  kPurchase = 1,             ///< trades that settle with energy; the buyer pays
  kSale = 2,                 ///< the same; the seller pays
  kGridConnectionMonth = 3,  ///< months in which a connection is a member for a day or more
  kParticipantMonth = 4
};

/// A price per month, charged by the day of membership.
struct Subscription {
  SubscriptionBasis basis = SubscriptionBasis::kGridConnection;
  Money month_price;  ///< paid to the community; negative: a credit
  bool is_taxable = true;
  bool operator==(const Subscription&) const = default;
};

/// A fee per piece.
struct PieceFee {
  PieceFeeBasis basis = PieceFeeBasis::kPurchase;
  Money price;  ///< paid to the community; negative: a credit
  bool is_taxable = true;
  bool operator==(const PieceFee&) const = default;
};

/// What a version of a tariff charges. Each basis occurs at most once.
struct TariffRules {
  EnergyPrices retail;   ///< bought from the main grid
  EnergyPrices feed_in;  ///< sold to the main grid
  std::vector<Subscription> subscriptions;
  std::vector<PieceFee> piece_fees;
  bool operator==(const TariffRules&) const = default;
};

/// The price in force at some time.
struct PriceInForce {
  Price price;
  bool is_taxable = true;
  std::string id;  ///< of the windowed price; empty: the default
  bool operator==(const PriceInForce&) const = default;
};

/// The price at a local minute: of the one window that has it, else the default. Nothing where the
/// price is missing.
std::optional<PriceInForce> PriceAt(const EnergyPrices& prices, absl::CivilMinute local);

/// The instant at which a local day starts: the first midnight where the clock has two, the moment
/// after the gap where it has none.
absl::Time DayStart(absl::CivilDay day, absl::TimeZone zone);

/// A month's price for one day: six decimals, a half away from zero. days: of the month, 1 to 31.
Money DayPrice(Money month_price, int days);

/// Name of a basis as it stands in the id of a rule, such as `grid-connection-month`.
std::string NameOf(SubscriptionBasis basis);
std::string NameOf(PieceFeeBasis basis);

}  // namespace peerwatt
