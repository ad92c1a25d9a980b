#include "services/settlement/core/period_books.h"

#include <algorithm>
#include <utility>

#include "libs/base/check.h"
#include "services/settlement/core/mutant.h"

namespace peerwatt::settlement {
namespace {

constexpr int64_t kMillion = 1'000'000;

Money PriceOf(Energy energy, Price price) { return AmountOf(energy, price, Rounding::kHalfEven); }

Net NetOf(const Connection& connection) {
  PW_CHECK(connection.import_energy >= Energy() && connection.export_energy >= Energy(),
           "metered energy is not negative");
  const Energy self = std::min(connection.import_energy, connection.export_energy);
  return {connection.import_energy - self, connection.export_energy - self, self};
}

/// What the two sides of local deliveries come to: nothing, when nothing is lost.
struct Sides {
  Energy energy;
  Money amount;
};

Sides SumOfSides(const std::vector<Line>& lines, LineKind bought, LineKind sold) {
  Sides sum;
  for (const Line& line : lines) {
    if (line.key.kind == bought) sum.energy += line.energy;
    if (line.key.kind == sold) sum.energy -= line.energy;
    if (line.key.kind == bought || line.key.kind == sold) sum.amount += line.amount;
  }
  return sum;
}

}  // namespace

PeriodBooks::PeriodBooks(const SettlementInput& input) : input_(input) {
  nets_.reserve(input.connections.size());
  for (const Connection& connection : input.connections) {
    const Net& net = nets_.emplace_back(NetOf(connection));
    totals_.drawn += net.draw;
    totals_.fed_in += net.feed_in;
    totals_.self_consumed += net.self_consumed;
    AddReferences(nets_.size() - 1);
  }
}

void PeriodBooks::Add(size_t connection, LineKind kind, const TradeId& trade, Energy energy,
                      Price price, Money amount) {
  if (energy == Energy()) return;
  const Connection& at = input_.connections[connection];
  lines_.push_back({{at.participant, at.id, kind, trade}, energy, price, amount, at.substituted});
}

void PeriodBooks::AddTrade(const ConnectedTrade& trade, Energy energy) {
  const Money amount = PriceOf(energy, trade.price);
  const Money paid =
      PW_MUTANT(kBuyerPaysAnotherAmount, AmountOf(energy, trade.price, Rounding::kUp), amount);
  Add(trade.buyer, LineKind::kPurchase, trade.id, energy, trade.price, -paid);
  Add(trade.seller, LineKind::kSale, trade.id, energy, trade.price, amount);
  if (trade.network_fee != Price()) {
    Add(trade.buyer, LineKind::kNetworkFee, trade.id, energy, trade.network_fee,
        -PriceOf(energy, trade.network_fee));
  }
  if (input_.fees.operator_share_ppm > 0 &&
      (amount > Money() || PW_MUTANT(kShareIsTakenFromNegativeAmounts, true, false))) {
    const Money share = Money::Micros(
        MulDiv(amount.micros(), input_.fees.operator_share_ppm, kMillion, Rounding::kHalfEven));
    Add(trade.seller, LineKind::kOperatorShare, trade.id, energy, Price(), -share);
  }
  totals_.delivered += energy;
}

void PeriodBooks::AddGrid(size_t connection, Energy retail, Energy surplus) {
  PW_CHECK(retail >= Energy() && surplus >= Energy(),
           "a connection delivers no more than it moved");
  const TradeId none;
  Add(connection, LineKind::kRetail, none, retail, input_.tariff.retail,
      -PriceOf(retail, input_.tariff.retail));
  Add(connection, LineKind::kFeedIn, none, surplus, input_.tariff.feed_in,
      PriceOf(surplus, input_.tariff.feed_in));
  totals_.retail += retail;
  totals_.surplus += surplus;
}

void PeriodBooks::AddImbalance(size_t connection, Energy deviation) {
  const TradeId none;
  const SettlementTerms& terms = input_.terms;
  if (deviation > Energy()) {
    const Price price =
        PW_MUTANT(kImbalanceIsPaidAtTheTariff, input_.tariff.retail, terms.imbalance_purchase);
    Add(connection, LineKind::kImbalancePurchase, none, deviation, price,
        -PriceOf(deviation, price));
    totals_.imbalance_bought += deviation;
  } else {
    Add(connection, LineKind::kImbalanceSale, none, -deviation, terms.imbalance_sale,
        PriceOf(-deviation, terms.imbalance_sale));
    totals_.imbalance_sold -= deviation;
  }
}

void PeriodBooks::AddReferences(size_t connection) {
  const Net& net = nets_[connection];
  const TradeId none;
  Add(connection, LineKind::kSelfConsumption, none, net.self_consumed, Price(), Money());
  Add(connection, LineKind::kReferenceDraw, none, net.draw, input_.tariff.retail,
      -PriceOf(net.draw, input_.tariff.retail));
  Add(connection, LineKind::kReferenceFeedIn, none, net.feed_in, input_.tariff.feed_in,
      PriceOf(net.feed_in, input_.tariff.feed_in));
}

void PeriodBooks::Check() const {
  const PeriodTotals& t = totals_;
  PW_CHECK(t.fed_in + t.retail + t.imbalance_bought == t.drawn + t.surplus + t.imbalance_sold,
           "what comes in goes out");
  if (input_.terms.mechanism != Mechanism::kTrading ||
      input_.terms.policy == DeliveryPolicy::kAsDelivered) {
    PW_CHECK(t.drawn == t.delivered + t.retail, "drawn energy is accounted for");
    PW_CHECK(t.fed_in == t.delivered + t.surplus, "fed-in energy is accounted for");
  }
  for (const auto& [bought, sold] : {std::pair(LineKind::kPurchase, LineKind::kSale),
                                     std::pair(LineKind::kPoolPurchase, LineKind::kPoolSale)}) {
    const Sides sides = SumOfSides(lines_, bought, sold);
    PW_CHECK(sides.energy == Energy() && sides.amount == Money(),
             "neighbours pay each other what they get from each other");
  }
}

SettlementResult PeriodBooks::Close() && {
  Check();
  std::sort(lines_.begin(), lines_.end(),
            [](const Line& a, const Line& b) { return a.key < b.key; });
  return {std::move(lines_), totals_};
}

}  // namespace peerwatt::settlement
