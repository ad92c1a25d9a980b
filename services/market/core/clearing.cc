#include "services/market/core/clearing.h"

#include <algorithm>
#include <limits>
#include <map>
#include <tuple>
#include <utility>

#include "absl/numeric/int128.h"
#include "libs/base/check.h"
#include "libs/base/status_macros.h"
#include "services/market/checker/checker.h"
#include "services/market/checker/preferences.h"
#include "services/market/core/clearing/network.h"
#include "services/market/core/clearing/preferences.h"
#include "services/market/core/errors.h"
#include "services/market/core/intake.h"

namespace peerwatt::market {
namespace {

using clearing::Entry;
using clearing::Outcome;

Price PriceOf(int64_t micros) { return Price::MicrosPerKwh(micros); }

absl::Status Unproven(const checker::Verdict& verdict) {
  return Error(kOutcomeUnproven, "the checker does not accept the outcome of an auction",
               {{"flaw", std::string(checker::NameOf(verdict.flaw))},
                {"position", std::to_string(verdict.position)}});
}

// Fills, energy and welfare, which outcomes of both kinds have.
void TakeTotals(const Intake& intake, const Outcome& outcome, ClearingResult& result) {
  for (size_t i = 0; i < outcome.fills.size(); ++i) {
    result.fills[intake.positions[i]] = outcome.fills[i];
  }
  result.energy = outcome.energy;
  for (const Energy withdrawn : outcome.withdrawn) {
    result.record.withdrawn += withdrawn;
  }
  const absl::int128 welfare = outcome.welfare_milli_micros / 1000;  // Never negative.
  PW_CHECK(welfare <= std::numeric_limits<int64_t>::max(), "welfare does not fit 64 bits");
  result.welfare = Money::Micros(static_cast<int64_t>(welfare));
  result.record.verdict = std::string(checker::NameOf(checker::Flaw::kNone));
}

// What each zone buys and sells, and the one price, when all trades have it.
void TakeTrades(const Intake& intake, std::vector<PricedPair> trades, ClearingResult& result) {
  bool is_uniform = !trades.empty();
  for (PricedPair& trade : trades) {
    result.record.zones[intake.ZoneOf(trade.bid)].bought += trade.energy;
    result.record.zones[intake.ZoneOf(trade.offer)].sold += trade.energy;
    is_uniform = is_uniform && trade.price == trades[0].price && trade.buyer_price == trade.price;
    trade.bid = intake.positions[trade.bid];
    trade.offer = intake.positions[trade.offer];
  }
  if (is_uniform) {
    result.price = trades[0].price;
  }
  result.trades = std::move(trades);
}

// What numbers stand for is not taken on trust.
absl::Status ProveOwners(std::span<const Order> orders, const ClearingResult& result) {
  std::vector<checker::NamedTrade> named;
  named.reserve(result.trades.size());
  for (const PricedPair& trade : result.trades) {
    named.push_back({OwnerOf(orders[trade.bid]).value(), OwnerOf(orders[trade.offer]).value()});
  }
  const checker::Verdict verdict = checker::CheckOwnerNames(named);
  return verdict.ok() ? absl::OkStatus() : Unproven(verdict);
}

absl::Status ClearByZones(const Intake& intake, const NetworkVersion& network,
                          ClearingResult& result) {
  clearing::Scratch scratch;
  Outcome outcome;
  PW_RETURN_IF_ERROR(
      ClearNetwork(intake.book, intake.zones, network.lines, network.rules, scratch, outcome));
  const std::vector<clearing::Pair> pairs =
      PairOutcome(intake.book, intake.zones, network.lines, outcome);
  PW_RETURN_IF_ERROR(
      Prove(intake.book, intake.zones, network.lines, network.rules, outcome, pairs));
  TakeTotals(intake, outcome, result);
  for (size_t zone = 0; zone < outcome.zones.size(); ++zone) {
    result.record.zones[zone].price = outcome.zones[zone];
  }
  result.record.flows = outcome.flows;
  if (outcome.energy > Energy()) {
    result.price_low = PriceOf(outcome.zones[0].low);
    result.price_high = PriceOf(outcome.zones[0].high);
  }
  std::vector<PricedPair> trades;
  trades.reserve(pairs.size());
  for (const clearing::Pair& pair : pairs) {
    trades.push_back({pair.bid, pair.offer, pair.energy,
                      PriceOf(outcome.zones[intake.ZoneOf(pair.offer)].price),
                      PriceOf(outcome.zones[intake.ZoneOf(pair.bid)].price)});
  }
  TakeTrades(intake, std::move(trades), result);
  return absl::OkStatus();
}

std::vector<Good> GoodsOf(const std::vector<clearing::Request>& requests,
                          const std::vector<clearing::Deal>& deals) {
  std::map<std::tuple<uint32_t, uint8_t, int64_t>, Energy> sold;
  for (const clearing::Deal& deal : deals) {
    const clearing::Request& offer = requests[deal.offer];
    sold[{offer.zone, offer.type, deal.price}] += deal.energy;
  }
  std::vector<Good> goods;
  for (const auto& [kind, energy] : sold) {
    goods.push_back({std::get<0>(kind), static_cast<EnergySource>(std::get<1>(kind)),
                     PriceOf(std::get<2>(kind)), energy});
  }
  return goods;
}

absl::Status ClearByPreferences(const Intake& intake, const NetworkVersion& network,
                                ClearingResult& result) {
  const std::vector<clearing::Request> requests = intake.Requests();
  PW_ASSIGN_OR_RETURN(
      const clearing::PreferenceOutcome found,
      ClearWithPreferences(requests, intake.preferences, network.lines, network.rules.tie_rule));
  const checker::Verdict verdict =
      checker::CheckPreferences(requests, intake.preferences, network.lines, found);
  if (!verdict.ok()) {
    return Unproven(verdict);
  }
  TakeTotals(intake, found.outcome, result);
  result.record.flows = found.outcome.flows;
  result.record.goods = GoodsOf(requests, found.deals);
  result.record.requiring = found.requiring;
  result.record.requiring_traded = found.requiring_traded;
  result.record.premium_traded = found.premium_traded;
  result.record.premium_met = found.premium_met;
  std::vector<PricedPair> trades;
  trades.reserve(found.deals.size());
  for (const clearing::Deal& deal : found.deals) {
    trades.push_back(
        {deal.bid, deal.offer, deal.energy, PriceOf(deal.price), PriceOf(deal.price + deal.fee)});
  }
  TakeTrades(intake, std::move(trades), result);
  return absl::OkStatus();
}

}  // namespace

absl::Status Prove(std::span<const Entry> book, std::span<const uint32_t> zones,
                   const clearing::Network& network, const clearing::Rules& rules,
                   const Outcome& outcome, const std::vector<clearing::Pair>& trades) {
  checker::Verdict verdict = checker::Check(book, zones, network, rules, outcome);
  if (verdict.ok()) {
    verdict = checker::CheckTrades(book, outcome, trades);
  }
  return verdict.ok() ? absl::OkStatus() : Unproven(verdict);
}

absl::StatusOr<ClearingResult> Clear(std::span<const Order> orders, const NetworkVersion& network) {
  PW_ASSIGN_OR_RETURN(const Intake intake, TakeIn(orders, network));
  ClearingResult result;
  result.fills.assign(orders.size(), Energy());
  result.record.zones.resize(network.zones.size());
  PW_RETURN_IF_ERROR(intake.HasPreferences() ? ClearByPreferences(intake, network, result)
                                             : ClearByZones(intake, network, result));
  PW_RETURN_IF_ERROR(ProveOwners(orders, result));
  return result;
}

}  // namespace peerwatt::market
