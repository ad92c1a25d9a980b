#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "libs/domain/ids.h"
#include "libs/domain/quantities.h"
#include "services/settlement/core/line.h"
#include "services/settlement/core/scheme.h"

namespace peerwatt::settlement {

/// What a community charges on locally delivered energy.
struct FeeRules {
  int64_t operator_share_ppm = 0;  ///< of what producers get, paid by them; 0 to 1000000
  Price network_fee{};             ///< flat, of shared and pooled energy; a trade brings its own
  std::string operator_share_rule{};  ///< as `Line::rule_id`
};

/// What energy costs, if that is known, and what says so.
struct EnergyPrice {
  EnergyPrice() = default;
  EnergyPrice(Price the_price, bool taxable = true, std::string the_rule = "")
      : price(the_price), is_taxable(taxable), rule(std::move(the_rule)) {}
  bool operator==(const EnergyPrice&) const = default;

  std::optional<Price> price;  ///< none: missing; a line then has energy and no amount
  bool is_taxable = true;
  std::string rule;  ///< as `Line::rule_id`
};

/// Prices of the main grid in the period.
struct GridTariff {
  EnergyPrice retail;   ///< what a shortfall costs
  EnergyPrice feed_in;  ///< what a surplus earns
};

/// The part of a scheme that settles a period.
struct SettlementTerms {
  Mechanism mechanism = Mechanism::kTrading;
  DeliveryPolicy policy = DeliveryPolicy::kAsDelivered;
  EnergyPrice imbalance_purchase;  ///< what a shortfall of a trade's party costs; policy `firm`
  EnergyPrice imbalance_sale;      ///< what its excess earns; policy `firm`
  SharingKey key = SharingKey::kProportional;
  Price local_price;  ///< of shared or pooled energy
  std::string rule;   ///< of the scheme, as `Line::rule_id`
};

/// A grid connection with what its metering points measured in the period.
struct Connection {
  ParticipantId participant;
  GridConnectionId id;
  Energy import_energy;  ///< sum over its points, not negative
  Energy export_energy;  ///< sum over its points, not negative
  bool substituted = false;
  int64_t coefficient = 0;   ///< millionths, sum over its points
  int32_t rank = kUnranked;  ///< lowest of its points
};

/// A trade with the connections behind its metering points, as indexes into the connections.
struct ConnectedTrade {
  TradeId id;
  Energy energy;
  Price price;        ///< what the seller gets
  Price network_fee;  ///< what the buyer pays the network operator on top, along the zones' path
  size_t buyer = 0;
  size_t seller = 0;
};

/// All that the settlement of one period depends on.
struct SettlementInput {
  FeeRules fees;
  GridTariff tariff;
  SettlementTerms terms;
  std::vector<Connection> connections;  ///< each (participant, connection) once
  std::vector<ConnectedTrade> trades;   ///< of no effect unless the mechanism is trading
};

/// Energy of a period. What comes in goes out:
/// fed in + retail + imbalance bought = drawn + surplus + imbalance sold. Except under the policy
/// `firm`, drawn = delivered + retail and fed in = delivered + surplus, and nothing is imbalance.
struct PeriodTotals {
  Energy drawn;
  Energy fed_in;
  Energy self_consumed;
  Energy delivered;  ///< between neighbours; under `firm` what was traded
  Energy retail;
  Energy surplus;
  Energy imbalance_bought{};  ///< `firm`: shortfalls of parties of trades
  Energy imbalance_sold{};    ///< `firm`: their excess
  bool operator==(const PeriodTotals&) const = default;
};

/// What a period comes to, from scratch.
struct SettlementResult {
  std::vector<Line> lines;  ///< ordered by key; none without energy
  PeriodTotals totals;
};

/// Settles one period by its terms: `SettleAsDelivered`, `SettleFirm`, `SettleSharing` or
/// `SettlePool`. Points behind a connection are netted first: a connection draws or feeds in.
/// Amounts round half to even, once, and both sides get the same one. The operator's share is taken
/// only from what is above zero. The result does not depend on the order of the input's parts.
/// Stops the process when energy or money is not conserved.
SettlementResult Settle(const SettlementInput& input);

}  // namespace peerwatt::settlement
