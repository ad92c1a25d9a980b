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

/// A price for lines that stand on no bill: nothing about tax and rule.
EnergyPrice Reference(const EnergyPrice& price) {
  EnergyPrice reference;
  reference.price = price.price;
  return reference;
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
                      Price price, Money amount, const std::string& rule) {
  if (energy == Energy()) return;
  const Connection& at = input_.connections[connection];
  lines_.push_back(
      {{at.participant, at.id, kind, trade}, energy, price, amount, at.substituted, rule});
}

void PeriodBooks::AddPriced(size_t connection, LineKind kind, Energy energy,
                            const EnergyPrice& price, int64_t direction) {
  if (energy == Energy()) return;
  const bool is_missing = !price.price.has_value();
  const Price rate = price.price.value_or(Price());
  const Money amount = PriceOf(energy, rate);
  Add(connection, kind, TradeId(), energy, rate, direction < 0 ? -amount : amount, price.rule);
  LineKey& key = lines_.back().key;
  key.is_price_missing = is_missing && PW_MUTANT(kMissingPricesAreZero, false, true);
  key.is_taxable = price.is_taxable || PW_MUTANT(kAllIsTaxed, true, false);
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
    Add(trade.seller, LineKind::kOperatorShare, trade.id, energy, Price(), -share,
        input_.fees.operator_share_rule);
  }
  totals_.delivered += energy;
}

void PeriodBooks::AddGrid(size_t connection, Energy retail, Energy surplus) {
  PW_CHECK(retail >= Energy() && surplus >= Energy(),
           "a connection delivers no more than it moved");
  AddPriced(connection, LineKind::kRetail, retail, input_.tariff.retail, -1);
  AddPriced(connection, LineKind::kFeedIn, surplus, input_.tariff.feed_in, 1);
  totals_.retail += retail;
  totals_.surplus += surplus;
}

void PeriodBooks::AddImbalance(size_t connection, Energy deviation) {
  const SettlementTerms& terms = input_.terms;
  if (deviation > Energy()) {
    const EnergyPrice& price =
        PW_MUTANT(kImbalanceIsPaidAtTheTariff, input_.tariff.retail, terms.imbalance_purchase);
    AddPriced(connection, LineKind::kImbalancePurchase, deviation, price, -1);
    totals_.imbalance_bought += deviation;
  } else {
    AddPriced(connection, LineKind::kImbalanceSale, -deviation, terms.imbalance_sale, 1);
    totals_.imbalance_sold -= deviation;
  }
}

void PeriodBooks::AddReferences(size_t connection) {
  const Net& net = nets_[connection];
  const TradeId none;
  Add(connection, LineKind::kSelfConsumption, none, net.self_consumed, Price(), Money());
  AddPriced(connection, LineKind::kReferenceDraw, net.draw, Reference(input_.tariff.retail), -1);
  AddPriced(connection, LineKind::kReferenceFeedIn, net.feed_in, Reference(input_.tariff.feed_in),
            1);
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
