#include "services/market/core/replay.h"

#include "absl/numeric/int128.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "services/market/core/clearing.h"
#include "services/market/core/continuous.h"
#include "services/market/core/errors.h"
#include "services/market/core/gate_closure.h"

namespace peerwatt::market {
namespace {

// Trades of an outcome, stored or not.
template <typename Trades>
AuctionFigures FiguresOf(Energy energy, Money welfare, const Trades& trades) {
  AuctionFigures figures;
  figures.energy = energy;
  figures.welfare = welfare;
  figures.trade_count = static_cast<int32_t>(trades.size());
  absl::int128 paid = 0;
  for (const auto& trade : trades) {
    paid += absl::int128(trade.price.micros_per_kwh()) * trade.energy.wh();
    figures.network_revenue +=
        AmountOf(trade.energy, trade.buyer_price - trade.price, Rounding::kHalfEven);
  }
  if (energy > Energy()) {
    absl::int128 mean = paid / energy.wh();
    mean -= mean * energy.wh() > paid ? 1 : 0;
    figures.mean_price = Price::MicrosPerKwh(static_cast<int64_t>(mean));
  }
  return figures;
}

NetworkVersion RulesOf(const NetworkVersion& own, const std::optional<WhatIf>& what_if) {
  NetworkVersion network = own;
  if (what_if.has_value()) {
    network = what_if->network.value_or(own);
    network.rules.tie_rule = what_if->tie_rule.value_or(network.rules.tie_rule);
  }
  return network;
}

}  // namespace

void Reactivate(std::vector<Order>& orders) {
  for (Order& order : orders) {
    // Those that ended before the gate closed were not in the auction.
    if (IsImmediate(order) || OpenEnergy(order) == Energy()) {
      continue;
    }
    if (order.state == OrderState::kFilled || order.state == OrderState::kPartiallyFilled ||
        order.state == OrderState::kExpired) {
      order.state = OrderState::kActive;
    }
  }
}

absl::StatusOr<ReplayedAuction> Replay::Run(const Auction& auction,
                                            const std::optional<WhatIf>& what_if) {
  PW_ASSIGN_OR_RETURN(std::vector<Order> orders, auctions_.OrdersOf(auction.key));
  PW_ASSIGN_OR_RETURN(std::vector<Trade> trades, auctions_.TradesOf(auction.key));
  std::erase_if(trades, [](const Trade& t) { return t.origin != TradeOrigin::kAuction; });
  PW_ASSIGN_OR_RETURN(const NetworkVersion own,
                      auctions_.GetNetwork(auction.key.community, auction.network));
  const absl::StatusOr<ClearingRecord> record = view_.GetClearing(auction.key);
  if (!record.ok() && !absl::IsNotFound(record.status())) {
    return record.status();
  }
  ReplayedAuction replayed;
  replayed.key = auction.key;
  replayed.stored = FiguresOf(auction.cleared_energy, auction.welfare, trades);
  replayed.stored_sha256 = record.ok() ? record->sha256 : "";
  if (auction.halted && !what_if.has_value()) {
    replayed.replayed = replayed.stored;  // Nothing was cleared, and nothing is.
    return replayed;
  }
  Reactivate(orders);
  const NetworkVersion network = RulesOf(own, what_if);
  if (!what_if.has_value()) {
    PW_ASSIGN_OR_RETURN(const AuctionOutcome outcome, DecideOutcome(auction, network, orders));
    replayed.replayed = FiguresOf(outcome.cleared_energy, outcome.welfare, outcome.trades);
    replayed.replayed_sha256 = sha256_(CanonicalBytes(auction, network, orders, outcome));
    return replayed;
  }
  const absl::StatusOr<ClearingResult> result = what_if->mechanism == Mechanism::kContinuous
                                                    ? ClearContinuously(orders, network)
                                                    : Clear(orders, network);
  if (ReasonOf(result.status()) == kPreferencesInvalid.name) {
    replayed.refusal = std::string(kPreferencesInvalid.name);
    return replayed;
  }
  PW_RETURN_IF_ERROR(result.status());
  replayed.replayed = FiguresOf(result->energy, result->welfare, result->trades);
  return replayed;
}

}  // namespace peerwatt::market
