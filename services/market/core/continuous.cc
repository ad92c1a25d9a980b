#include "services/market/core/continuous.h"

#include <utility>
#include <vector>

#include "absl/numeric/int128.h"
#include "libs/base/status_macros.h"
#include "services/market/core/book/matching_engine.h"
#include "services/market/core/errors.h"
#include "services/market/core/intake.h"

namespace peerwatt::market {
namespace {

using clearing::Way;

// One command per order, numbered by its position in time; a book per zone.
std::vector<book::Command> CommandsOf(const Intake& intake) {
  std::vector<book::Command> commands(intake.book.size());
  for (uint32_t i = 0; i < commands.size(); ++i) {
    const clearing::Entry& entry = intake.book[i];
    commands[i].book = book::BookNumber{intake.ZoneOf(i)};
    commands[i].owner = book::OwnerNumber{entry.owner()};
    commands[i].order = book::OrderNumber{i};
    commands[i].energy = entry.energy;
    commands[i].limit = Price::MicrosPerKwh(entry.limit);
    commands[i].side = entry.way() == Way::kBuy ? Side::kBid : Side::kOffer;
  }
  return commands;
}

PricedPair PairOf(const book::Event& trade) {
  const auto order = static_cast<uint32_t>(trade.order);
  const auto resting = static_cast<uint32_t>(trade.resting);
  const bool is_bid = trade.side == Side::kBid;
  return {is_bid ? order : resting, is_bid ? resting : order, trade.energy, trade.price,
          trade.price};
}

absl::StatusOr<std::vector<PricedPair>> Match(const Intake& intake, size_t zones) {
  book::MatchingEngine engine({.resting_orders = intake.book.size()});
  for (size_t zone = 0; zone < zones; ++zone) {
    engine.Open({});  // Numbers count up from 0, as zones do.
  }
  std::vector<book::Event> events;
  std::vector<book::Refusal> refusals;
  engine.Apply(CommandsOf(intake), events, refusals);
  for (const book::Refusal refusal : refusals) {
    if (refusal != book::Refusal::kNone) {
      return Error(kBookInvalid, "an order of the book is out of range, or there are too many");
    }
  }
  std::vector<PricedPair> trades;
  for (const book::Event& event : events) {
    if (event.kind == book::EventKind::kTraded) {
      trades.push_back(PairOf(event));
    }
  }
  return trades;
}

}  // namespace

absl::StatusOr<ClearingResult> ClearContinuously(std::span<const Order> orders,
                                                 const NetworkVersion& network) {
  PW_ASSIGN_OR_RETURN(const Intake intake, TakeIn(orders, network));
  if (intake.HasPreferences()) {
    return Error(kPreferencesUnsupported, "continuous orders prefer nothing");
  }
  ClearingResult result;
  result.fills.assign(orders.size(), Energy());
  result.record.zones.resize(network.zones.size());
  PW_ASSIGN_OR_RETURN(result.trades, Match(intake, network.zones.size()));
  absl::int128 welfare = 0;
  for (PricedPair& trade : result.trades) {
    const int64_t gain = int64_t{intake.book[trade.bid].limit} - intake.book[trade.offer].limit;
    welfare += absl::int128(gain) * trade.energy.wh();
    ZoneRecord& zone = result.record.zones[intake.ZoneOf(trade.bid)];
    zone.bought += trade.energy;
    zone.sold += trade.energy;
    result.energy += trade.energy;
    trade.bid = intake.positions[trade.bid];
    trade.offer = intake.positions[trade.offer];
    result.fills[trade.bid] += trade.energy;
    result.fills[trade.offer] += trade.energy;
  }
  result.welfare = Money::Micros(static_cast<int64_t>(welfare / 1000));
  return result;
}

}  // namespace peerwatt::market
