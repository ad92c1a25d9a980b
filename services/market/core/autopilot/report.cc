#include "services/market/core/autopilot/report.h"

#include <algorithm>

namespace peerwatt::market {
namespace {

constexpr int64_t kMillion = 1'000'000;

const GridTariff* TariffAt(const TariffBook& book, absl::Time start) {
  const GridTariff* found = nullptr;
  for (const GridTariff& tariff : book.tariffs) {
    if (tariff.start <= start && (found == nullptr || tariff.start > found->start)) {
      found = &tariff;
    }
  }
  return found;
}

bool IsOpen(OrderState state) {
  return state == OrderState::kPending || state == OrderState::kActive;
}

void AddOrder(const PlacedOrder& order, Deeds& deeds) {
  if (order.state == OrderState::kRejected) {
    return;
  }
  const Energy ordered = order.is_final || IsOpen(order.state) ? order.energy : order.filled;
  (order.side == Side::kBid ? deeds.ordered_to_buy : deeds.ordered_to_sell) += ordered;
  deeds.worst_cost += IsOpen(order.state)
                          ? order.hold
                          : Money::Micros(MulDiv(order.hold.micros(), order.filled.wh(),
                                                 order.energy.wh(), Rounding::kUp));
}

void AddTrade(const PlacedTrade& trade, const TariffBook& book, Deeds& deeds) {
  const auto amount_at = [&](Price price) {
    return AmountOf(trade.energy, price, Rounding::kHalfEven);
  };
  const GridTariff* tariff = TariffAt(book, trade.delivery_start);
  if (tariff == nullptr) {
    deeds.without_tariff += trade.energy;
  }
  const Money amount = amount_at(trade.price);
  if (trade.side == Side::kBid) {
    const Money paid = amount + amount_at(trade.network_fee);
    deeds.bought += trade.energy;
    deeds.paid += paid;
    deeds.saved += tariff == nullptr ? Money() : amount_at(tariff->retail) - paid;
    return;
  }
  const Money share =
      Money::Micros(MulDiv(std::max(amount, Money()).micros(), book.operator_share_ppm, kMillion,
                           Rounding::kHalfEven));
  deeds.sold += trade.energy;
  deeds.received += amount - share;
  deeds.saved += tariff == nullptr ? Money() : amount - share - amount_at(tariff->feed_in);
}

}  // namespace

void Deeds::Add(const Deeds& other) {
  planned_to_buy += other.planned_to_buy;
  planned_to_sell += other.planned_to_sell;
  ordered_to_buy += other.ordered_to_buy;
  ordered_to_sell += other.ordered_to_sell;
  bought += other.bought;
  sold += other.sold;
  worst_cost += other.worst_cost;
  paid += other.paid;
  received += other.received;
  saved += other.saved;
  without_tariff += other.without_tariff;
}

std::vector<ReportedInterval> MakeReport(const ReportInput& input) {
  std::map<absl::Time, ReportedInterval> intervals;
  for (const DayPlan& plan : input.plans) {
    absl::Time start = plan.day.start;
    for (const PlannedInterval& planned : plan.intervals) {
      ReportedInterval& interval = intervals[start];
      interval.plan = planned;
      (planned.forecast < Energy() ? interval.deeds.planned_to_buy
                                   : interval.deeds.planned_to_sell) += planned.energy;
      start += plan.resolution;
    }
  }
  for (const PlacedOrder& order : input.orders) {
    AddOrder(order, intervals[order.delivery_start].deeds);
  }
  for (const PlacedTrade& trade : input.trades) {
    AddTrade(trade, input.tariffs, intervals[trade.delivery_start].deeds);
  }
  std::vector<ReportedInterval> report;
  for (auto& [start, interval] : intervals) {
    interval.start = start;
    report.push_back(interval);
  }
  return report;
}

}  // namespace peerwatt::market
