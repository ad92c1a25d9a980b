#include <algorithm>
#include <numeric>

#include "libs/base/check.h"
#include "libs/domain/allocation.h"
#include "services/settlement/core/mutant.h"
#include "services/settlement/core/policies.h"
#include "services/settlement/core/trades_in_order.h"

namespace peerwatt::settlement {
namespace {

/// Lowers `delivered` of one connection's trades to what the connection really moved.
/// trades_of: indexes of its trades in id order. moved: what it drew, or fed in.
void LimitToMoved(const std::vector<ConnectedTrade>& trades, const std::vector<size_t>& trades_of,
                  Energy moved, std::vector<Energy>& delivered) {
  if (trades_of.empty()) return;
  std::vector<int64_t> weights;
  weights.reserve(trades_of.size());
  Energy traded;
  for (const size_t trade : trades_of) {
    weights.push_back(trades[trade].energy.wh());
    traded += trades[trade].energy;
  }
  const std::vector<int64_t> shares =
      AllocateByLargestRemainder(std::min(moved, traded).wh(), weights);
  for (size_t i = 0; i < trades_of.size(); ++i) {
    Energy& energy = delivered[trades_of[i]];
    energy = std::min(energy, Energy::WattHours(shares[i]));
  }
}

/// Energy that each trade delivers, by the trade's index.
std::vector<Energy> DeliveredOf(const PeriodBooks& books) {
  const std::vector<ConnectedTrade>& trades = books.input().trades;
  std::vector<std::vector<size_t>> bought(books.size());
  std::vector<std::vector<size_t>> sold(books.size());
  std::vector<Energy> delivered(trades.size());
  for (const size_t trade : InIdOrder(trades)) {
    delivered[trade] = trades[trade].energy;
    bought.at(trades[trade].buyer).push_back(trade);
    sold.at(trades[trade].seller).push_back(trade);
  }
  for (size_t i = 0; i < books.size(); ++i) {
    if (PW_MUTANT(kMovedEnergyDoesNotLimitSellers, false, true)) {
      LimitToMoved(trades, sold[i], books.net(i).feed_in, delivered);
    }
    if (PW_MUTANT(kMovedEnergyDoesNotLimitBuyers, false, true)) {
      LimitToMoved(trades, bought[i], books.net(i).draw, delivered);
    }
  }
  return delivered;
}

}  // namespace

std::vector<size_t> InIdOrder(const std::vector<ConnectedTrade>& trades) {
  std::vector<size_t> order(trades.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(),
            [&](size_t a, size_t b) { return trades[a].id < trades[b].id; });
  for (size_t i = 0; i < order.size(); ++i) {
    PW_CHECK(trades[order[i]].energy >= Energy(), "traded energy is not negative");
    if (i == 0) continue;
    PW_CHECK(trades[order[i - 1]].id != trades[order[i]].id, "a trade occurs once in a period");
  }
  return order;
}

void SettleAsDelivered(PeriodBooks& books) {
  const std::vector<ConnectedTrade>& trades = books.input().trades;
  const std::vector<Energy> delivered = DeliveredOf(books);
  std::vector<Energy> retail;
  std::vector<Energy> surplus;
  for (size_t i = 0; i < books.size(); ++i) {
    retail.push_back(books.net(i).draw);
    surplus.push_back(books.net(i).feed_in);
  }
  for (size_t i = 0; i < trades.size(); ++i) {
    retail[trades[i].buyer] -= delivered[i];
    surplus[trades[i].seller] -= delivered[i];
    books.AddTrade(trades[i], delivered[i]);
  }
  for (size_t i = 0; i < books.size(); ++i) books.AddGrid(i, retail[i], surplus[i]);
}

}  // namespace peerwatt::settlement
