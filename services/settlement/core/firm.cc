#include <algorithm>

#include "services/settlement/core/mutant.h"
#include "services/settlement/core/policies.h"
#include "services/settlement/core/trades_in_order.h"

namespace peerwatt::settlement {
namespace {

/// What a connection agreed to.
struct Position {
  Energy bought;
  Energy sold;
  bool has_trades = false;
};

}  // namespace

void SettleFirm(PeriodBooks& books) {
  const std::vector<ConnectedTrade>& trades = books.input().trades;
  std::vector<Position> positions(books.size());
  for (const size_t index : InIdOrder(trades)) {
    const ConnectedTrade& trade = trades[index];
    const Energy energy = PW_MUTANT(
        kFirmDeliversTheLesser, std::min(trade.energy, books.net(trade.buyer).draw), trade.energy);
    books.AddTrade(trade, energy);
    Position& buyer = positions.at(trade.buyer);
    Position& seller = positions.at(trade.seller);
    buyer.bought += trade.energy;
    seller.sold += trade.energy;
    buyer.has_trades = seller.has_trades = true;
  }
  for (size_t i = 0; i < books.size(); ++i) {
    const Net& net = books.net(i);
    const Position& position = positions[i];
    if (!position.has_trades && PW_MUTANT(kStrangersDeviateToo, false, true)) {
      books.AddGrid(i, net.draw, net.feed_in);
      continue;
    }
    const Energy sold = PW_MUTANT(kDeviationOfSellersIsForgotten, net.feed_in, position.sold);
    const Energy deviation = (net.draw - net.feed_in) - (position.bought - sold);
    const size_t party = PW_MUTANT(kDeviationIsChargedToThePartner, books.size() - 1 - i, i);
    books.AddImbalance(party, deviation);
  }
}

}  // namespace peerwatt::settlement
