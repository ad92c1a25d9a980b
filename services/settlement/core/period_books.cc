#include "services/settlement/core/period_books.h"

#include <algorithm>
#include <numeric>
#include <tuple>
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

void PeriodBooks::AddPriced(size_t connection, LineKind kind, Energy energy,
                            const EnergyPrice& price, int64_t direction) {
  const bool is_missing = !price.price.has_value();
  const Price rate = price.price.value_or(Price());
  const Money amount = PriceOf(energy, rate);
  AddRow({connection, kind, nullptr, energy, rate, direction < 0 ? -amount : amount, price.rule,
          price.is_taxable || PW_MUTANT(kAllIsTaxed, true, false),
          is_missing && PW_MUTANT(kMissingPricesAreZero, false, true)});
}

void PeriodBooks::AddTrade(const ConnectedTrade& trade, Energy energy) {
  const Money amount = PriceOf(energy, trade.price);
  const Money paid =
      PW_MUTANT(kBuyerPaysAnotherAmount, AmountOf(energy, trade.price, Rounding::kUp), amount);
  AddRow({trade.buyer, LineKind::kPurchase, &trade.id, energy, trade.price, -paid});
  AddRow({trade.seller, LineKind::kSale, &trade.id, energy, trade.price, amount});
  if (trade.network_fee != Price()) {
    AddRow({trade.buyer, LineKind::kNetworkFee, &trade.id, energy, trade.network_fee,
            -PriceOf(energy, trade.network_fee)});
  }
  if (input_.fees.operator_share_ppm > 0 &&
      (amount > Money() || PW_MUTANT(kShareIsTakenFromNegativeAmounts, true, false))) {
    const Money share = Money::Micros(
        MulDiv(amount.micros(), input_.fees.operator_share_ppm, kMillion, Rounding::kHalfEven));
    AddRow({trade.seller, LineKind::kOperatorShare, &trade.id, energy, Price(), -share,
            input_.fees.operator_share_rule});
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
  Add(connection, LineKind::kSelfConsumption, net.self_consumed, Price(), Money());
  // These stand on no bill: nothing about tax and rule.
  const auto reference = [](const EnergyPrice& price) {
    EnergyPrice plain;
    plain.price = price.price;
    return plain;
  };
  AddPriced(connection, LineKind::kReferenceDraw, net.draw, reference(input_.tariff.retail), -1);
  AddPriced(connection, LineKind::kReferenceFeedIn, net.feed_in, reference(input_.tariff.feed_in),
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
    Energy energy;
    Money amount;
    for (const Row& row : rows_) {
      if (row.kind == bought) energy += row.energy;
      if (row.kind == sold) energy -= row.energy;
      if (row.kind == bought || row.kind == sold) amount += row.amount;
    }
    PW_CHECK(energy == Energy() && amount == Money(),
             "neighbours pay each other what they get from each other");
  }
}

std::vector<PeriodBooks::Row> PeriodBooks::InOrder() const {
  const std::vector<Connection>& connections = input_.connections;
  std::vector<size_t> by_name(connections.size());
  std::iota(by_name.begin(), by_name.end(), size_t{0});
  std::sort(by_name.begin(), by_name.end(), [&](size_t a, size_t b) {
    return std::tie(connections[a].participant, connections[a].id) <
           std::tie(connections[b].participant, connections[b].id);
  });
  // Rows go to the place of their connection in one pass; each has few.
  std::vector<size_t> counts(connections.size());
  for (const Row& row : rows_) ++counts[row.connection];
  std::vector<size_t> next(connections.size());
  size_t place = 0;
  for (const size_t connection : by_name) {
    next[connection] = place;
    place += counts[connection];
  }
  std::vector<Row> ordered(rows_.size());
  for (const Row& row : rows_) ordered[next[row.connection]++] = row;
  auto begin = ordered.begin();
  for (const size_t connection : by_name) {
    const auto end = begin + static_cast<std::ptrdiff_t>(counts[connection]);
    std::sort(begin, end, [](const Row& a, const Row& b) {
      if (a.kind != b.kind) return a.kind < b.kind;
      if (a.trade == nullptr || b.trade == nullptr) return a.trade == nullptr && b.trade != nullptr;
      return *a.trade < *b.trade;
    });
    begin = end;
  }
  return ordered;
}

SettlementResult PeriodBooks::Close() && {
  Check();
  SettlementResult result;
  result.totals = totals_;
  const std::vector<Row> ordered = InOrder();
  rows_.clear();
  result.lines.reserve(ordered.size());
  for (const Row& row : ordered) {
    const Connection& at = input_.connections[row.connection];
    Line& line = result.lines.emplace_back();
    line.key.participant = at.participant;
    line.key.connection = at.id;
    line.key.kind = row.kind;
    if (row.trade != nullptr) line.key.trade = *row.trade;
    line.energy = row.energy;
    line.price = row.price;
    line.amount = row.amount;
    line.substituted = at.substituted;
    line.rule_id = std::string(row.rule);
    line.key.is_taxable = row.is_taxable;
    line.key.is_price_missing = row.is_price_missing;
  }
  return result;
}

}  // namespace peerwatt::settlement
