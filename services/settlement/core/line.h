#pragma once

#include <compare>
#include <cstdint>
#include <string>

#include "libs/domain/ids.h"
#include "libs/domain/quantities.h"

namespace peerwatt::settlement {

/// What a line is for. The numbers are those of the database and, below 100, of the protocol.
enum class LineKind : int32_t {
  kPurchase = 1,
  kSale = 2,
  kNetworkFee = 3,
  kOperatorShare = 4,
  kRetail = 5,
  kFeedIn = 6,
  kSelfConsumption = 7,
  kImbalancePurchase = 8,  ///< a shortfall against trades, policy `firm`
  kImbalanceSale = 9,      ///< an excess over trades, policy `firm`
  kPoolPurchase = 10,      ///< taken from what neighbours share or pool
  kPoolSale = 11,          ///< given to what neighbours share or pool
  kSubscription = 12,      ///< a day's part of a month price
  kPieceFee = 13,          ///< a fee per trade, or per connection or participant and month
  // What the connection would have paid or received without neighbours. They move no money and
  // stand on no bill; their sum is the bill's `total_without_trading`.
  kReferenceDraw = 101,
  kReferenceFeedIn = 102,
};

/// Whether lines of this kind move no money and are not shown on a bill.
constexpr bool IsReference(LineKind kind) { return static_cast<int32_t>(kind) > 100; }

/// What a line is about. A period has at most one line per key and run. The flags are part of it:
/// when one changes, the line is taken back and posted anew, so sums by flag hold at any time.
struct LineKey {
  ParticipantId participant;
  GridConnectionId connection;  ///< empty for charges per participant
  LineKind kind = LineKind::kRetail;
  TradeId trade;  ///< empty unless the line belongs to a trade; fees and shares of a pool have none
  bool is_taxable = true;
  bool is_price_missing = false;  ///< energy without a price: the amount is absent, kept as 0
  auto operator<=>(const LineKey&) const = default;
};

/// One line of a participant's bill.
struct Line {
  LineKey key;
  Energy energy;  ///< a correction's may be negative
  Price price;    ///< 0 for kinds without a price of their own
  Money amount;   ///< what the participant's account changes by
  bool substituted = false;
  /// What priced it: `tariffVersions/{version}/…` or `schemes/{scheme}`; empty where the trade or
  /// the community did.
  std::string rule_id{};
  bool operator==(const Line&) const = default;
};

}  // namespace peerwatt::settlement
