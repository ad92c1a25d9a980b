#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/market/core/autopilot/plan.h"
#include "services/market/core/model.h"

namespace peerwatt::market {

/// An order that a standing order placed.
struct PlacedOrder {
  absl::Time delivery_start;
  OrderId id;
  Side side = Side::kBid;
  Energy energy;
  Energy filled;
  Price limit;
  Money hold;
  OrderState state = OrderState::kPending;
  /// Whether it was placed at gate closure; else it was a quote along the ramp.
  bool is_final = false;
};

/// What such an order traded.
struct PlacedTrade {
  absl::Time delivery_start;
  Side side = Side::kBid;
  Energy energy;
  /// What the seller gets, and what the buyer pays on top, per kWh.
  Price price;
  Price network_fee;
};

/// Prices of the main grid from an instant on.
struct GridTariff {
  absl::Time start;
  Price retail;
  Price feed_in;
};

/// What energy costs elsewhere and what a sale costs here.
struct TariffBook {
  /// By start; each is valid until the next.
  std::vector<GridTariff> tariffs;
  /// Of a sale's amount, paid by the seller; taken only from amounts above zero.
  int64_t operator_share_ppm = 0;
};

/// What a standing order did in one interval, or in many: sums.
struct Deeds {
  /// By the plans; of intervals that have one.
  Energy planned_to_buy;
  Energy planned_to_sell;
  /// In orders at gate closure, or quotes as long as they are open; what quotes traded besides.
  Energy ordered_to_buy;
  Energy ordered_to_sell;
  Energy bought;
  Energy sold;
  /// What it can still cost at worst, or did: the hold of open orders, of decided ones the part
  /// that was filled.
  Money worst_cost;
  /// For what was bought, network fees included.
  Money paid;
  /// For what was sold, less the operator's share.
  Money received;
  /// Against buying the same energy at the retail price and selling it at the feed-in price; of
  /// trades in intervals without a tariff nothing.
  Money saved;
  /// Traded in intervals without a tariff.
  Energy without_tariff;
  void Add(const Deeds& other);
  bool operator==(const Deeds&) const = default;
};

/// One interval of a report.
struct ReportedInterval {
  absl::Time start;
  std::optional<PlannedInterval> plan;
  Deeds deeds;
};

/// All that a report depends on; the times lie in its span.
struct ReportInput {
  std::vector<DayPlan> plans;
  std::vector<PlacedOrder> orders;
  std::vector<PlacedTrade> trades;
  TariffBook tariffs;
};

/// What a standing order did, by traded energy: one entry for each interval with a plan or an
/// order, by start. Amounts are rounded half to even, once per trade. Pure; the order of the input
/// does not matter.
std::vector<ReportedInterval> MakeReport(const ReportInput& input);

}  // namespace peerwatt::market
