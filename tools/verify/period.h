#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace peerwatt::verify {

/// How a period is settled: what docs/schemes.md calls a scheme, with all prices known.
struct Terms {
  enum class Mechanism { kTrading, kFirmTrading, kSharing, kPool };
  enum class Key { kStatic, kProportional, kEqual, kCascading, kRelative, kOptimal };
  Mechanism mechanism = Mechanism::kTrading;
  Key key = Key::kProportional;
  // All prices in micro-units per kilowatt hour. Energy whose price is not known costs nothing yet.
  std::optional<int64_t> retail = 0;
  std::optional<int64_t> feed_in = 0;
  std::optional<int64_t> imbalance_purchase = 0;
  std::optional<int64_t> imbalance_sale = 0;
  int64_t local = 0;        ///< of shared or pooled energy
  int64_t network_fee = 0;  ///< of shared or pooled energy
  int64_t operator_ppm = 0;
};

/// A connection in a period. Its index is its place in the order of (participant, connection).
struct Site {
  int64_t import_wh = 0;
  int64_t export_wh = 0;
  int64_t coefficient = 0;  ///< millionths
  int64_t rank = INT32_MAX;
};

/// A trade between two sites, in the order of the trades' ids.
struct Deal {
  uint32_t buyer = 0;  ///< index of a site
  uint32_t seller = 0;
  int64_t energy_wh = 0;
  int64_t price = 0;  ///< micro-units per kilowatt hour
  int64_t fee = 0;    ///< the same, paid by the buyer besides
};

/// What a trade comes to, in micro-units.
struct DealAmounts {
  int64_t energy_wh = 0;
  int64_t price = 0;  ///< buyer to seller
  int64_t fee = 0;    ///< buyer to network operator
  int64_t share = 0;  ///< seller to community operator
};

/// What a site comes to, in micro-units; negative: it pays.
struct SiteAmounts {
  int64_t retail = 0;
  int64_t feed_in = 0;
  int64_t imbalance_purchase = 0;
  int64_t imbalance_sale = 0;
  int64_t pool = 0;  ///< shared or pooled energy, fee and share included
};

/// Sums of a period, in watt hours.
struct Energies {
  int64_t drawn = 0;
  int64_t fed_in = 0;
  int64_t self_consumed = 0;
  int64_t delivered = 0;
  int64_t retail = 0;
  int64_t surplus = 0;
  int64_t imbalance_bought = 0;
  int64_t imbalance_sold = 0;
  bool operator==(const Energies&) const = default;
};

/// What a period comes to.
struct Outcome {
  std::vector<DealAmounts> deals;
  std::vector<SiteAmounts> sites;
  int64_t pool_fee = 0;    ///< to the network operator, of shared or pooled energy
  int64_t pool_share = 0;  ///< to the community operator
  int64_t unpriced = 0;    ///< energies of sites whose price is not known
  Energies energies;
};

/// Settles a period from scratch, step by step as docs/schemes.md has it.
Outcome Settle(const Terms& terms, const std::vector<Site>& sites, const std::vector<Deal>& deals);

/// a * b / c, to the nearest, of two equally near to the even one. c > 0.
int64_t RoundHalfEven(int64_t a, int64_t b, int64_t c);
/// Splits `total` in proportion to weights by largest remainder, of equal ones to the first.
/// Nothing when all weights are 0. total and weights are not negative.
std::vector<int64_t> SplitByRemainder(int64_t total, const std::vector<int64_t>& weights);

}  // namespace peerwatt::verify
