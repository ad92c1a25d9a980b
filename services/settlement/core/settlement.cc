#include "services/settlement/core/settlement.h"

#include <algorithm>
#include <numeric>

#include "libs/base/check.h"
#include "libs/domain/allocation.h"

namespace peerwatt::settlement {
namespace {

constexpr int64_t kMillion = 1'000'000;

/// What crosses a connection after netting the points behind it.
struct Net {
  Energy draw;
  Energy feed_in;
  Energy self_consumed;
};

Net NetOf(const Connection& connection) {
  PW_CHECK(connection.import_energy >= Energy() && connection.export_energy >= Energy(),
           "metered energy is not negative");
  const Energy self = std::min(connection.import_energy, connection.export_energy);
  return {connection.import_energy - self, connection.export_energy - self, self};
}

/// Indexes of the trades in the order of their ids.
std::vector<size_t> InIdOrder(const std::vector<ConnectedTrade>& trades) {
  std::vector<size_t> order(trades.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(),
            [&](size_t a, size_t b) { return trades[a].id < trades[b].id; });
  for (size_t i = 1; i < order.size(); ++i) {
    PW_CHECK(trades[order[i - 1]].id != trades[order[i]].id, "a trade occurs once in a period");
  }
  return order;
}

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
std::vector<Energy> DeliveredOf(const SettlementInput& input, const std::vector<Net>& nets) {
  std::vector<std::vector<size_t>> bought(input.connections.size());
  std::vector<std::vector<size_t>> sold(input.connections.size());
  std::vector<Energy> delivered(input.trades.size());
  for (const size_t trade : InIdOrder(input.trades)) {
    const ConnectedTrade& terms = input.trades[trade];
    PW_CHECK(terms.energy >= Energy(), "traded energy is not negative");
    delivered[trade] = terms.energy;
    bought.at(terms.buyer).push_back(trade);
    sold.at(terms.seller).push_back(trade);
  }
  for (size_t i = 0; i < input.connections.size(); ++i) {
    LimitToMoved(input.trades, sold[i], nets[i].feed_in, delivered);
    LimitToMoved(input.trades, bought[i], nets[i].draw, delivered);
  }
  return delivered;
}

/// Collects the lines of one period.
class LineWriter {
 public:
  explicit LineWriter(std::vector<Line>& lines) : lines_(lines) {}

  /// Adds a line unless it carries nothing.
  void Add(const Connection& connection, LineKind kind, const TradeId& trade, Energy energy,
           Price price, Money amount) {
    if (energy == Energy()) return;
    lines_.push_back({{connection.participant, connection.id, kind, trade},
                      energy,
                      price,
                      amount,
                      connection.substituted});
  }

 private:
  std::vector<Line>& lines_;
};

void AddTradeLines(const SettlementInput& input, const ConnectedTrade& trade, Energy delivered,
                   LineWriter& writer) {
  const Connection& buyer = input.connections[trade.buyer];
  const Connection& seller = input.connections[trade.seller];
  const Money amount = AmountOf(delivered, trade.price, Rounding::kHalfEven);
  writer.Add(buyer, LineKind::kPurchase, trade.id, delivered, trade.price, -amount);
  writer.Add(seller, LineKind::kSale, trade.id, delivered, trade.price, amount);
  if (trade.network_fee != Price()) {
    const Money fee = AmountOf(delivered, trade.network_fee, Rounding::kHalfEven);
    writer.Add(buyer, LineKind::kNetworkFee, trade.id, delivered, trade.network_fee, -fee);
  }
  if (input.fees.operator_share_ppm > 0 && amount > Money()) {
    const Money share = Money::Micros(
        MulDiv(amount.micros(), input.fees.operator_share_ppm, kMillion, Rounding::kHalfEven));
    writer.Add(seller, LineKind::kOperatorShare, trade.id, delivered, Price(), -share);
  }
}

void AddConnectionLines(const GridTariff& tariff, const Connection& connection, const Net& net,
                        Energy retail, Energy surplus, LineWriter& writer) {
  const auto amount = [](Energy energy, Price price) {
    return AmountOf(energy, price, Rounding::kHalfEven);
  };
  const TradeId none;
  writer.Add(connection, LineKind::kRetail, none, retail, tariff.retail,
             -amount(retail, tariff.retail));
  writer.Add(connection, LineKind::kFeedIn, none, surplus, tariff.feed_in,
             amount(surplus, tariff.feed_in));
  writer.Add(connection, LineKind::kSelfConsumption, none, net.self_consumed, Price(), Money());
  writer.Add(connection, LineKind::kReferenceDraw, none, net.draw, tariff.retail,
             -amount(net.draw, tariff.retail));
  writer.Add(connection, LineKind::kReferenceFeedIn, none, net.feed_in, tariff.feed_in,
             amount(net.feed_in, tariff.feed_in));
}

}  // namespace

SettlementResult Settle(const SettlementInput& input) {
  SettlementResult result;
  LineWriter writer(result.lines);
  std::vector<Net> nets;
  nets.reserve(input.connections.size());
  for (const Connection& connection : input.connections) nets.push_back(NetOf(connection));
  const std::vector<Energy> delivered = DeliveredOf(input, nets);

  std::vector<Energy> retail;
  std::vector<Energy> surplus;
  for (const Net& net : nets) {
    retail.push_back(net.draw);
    surplus.push_back(net.feed_in);
  }
  PeriodTotals& totals = result.totals;
  for (size_t i = 0; i < input.trades.size(); ++i) {
    retail[input.trades[i].buyer] -= delivered[i];
    surplus[input.trades[i].seller] -= delivered[i];
    totals.delivered += delivered[i];
    AddTradeLines(input, input.trades[i], delivered[i], writer);
  }
  for (size_t i = 0; i < input.connections.size(); ++i) {
    PW_CHECK(retail[i] >= Energy() && surplus[i] >= Energy(),
             "a connection delivers no more than it moved");
    totals.drawn += nets[i].draw;
    totals.fed_in += nets[i].feed_in;
    totals.self_consumed += nets[i].self_consumed;
    totals.retail += retail[i];
    totals.surplus += surplus[i];
    AddConnectionLines(input.tariff, input.connections[i], nets[i], retail[i], surplus[i], writer);
  }
  PW_CHECK(totals.drawn == totals.delivered + totals.retail, "drawn energy is accounted for");
  PW_CHECK(totals.fed_in == totals.delivered + totals.surplus, "fed-in energy is accounted for");
  std::sort(result.lines.begin(), result.lines.end(),
            [](const Line& a, const Line& b) { return a.key < b.key; });
  return result;
}

}  // namespace peerwatt::settlement
