#include "services/settlement/core/period_input.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "libs/base/check.h"
#include "services/settlement/core/mutant.h"

namespace peerwatt::settlement {
namespace {

/// Gives each (participant, connection) its index.
class ConnectionTable {
 public:
  explicit ConnectionTable(std::vector<Connection>& connections) : connections_(connections) {}

  size_t IndexOf(const ParticipantId& participant, const GridConnectionId& connection) {
    const auto [place, added] =
        indexes_.try_emplace({participant, connection}, connections_.size());
    if (added) connections_.push_back({participant, connection, Energy(), Energy()});
    return place->second;
  }

 private:
  std::vector<Connection>& connections_;
  absl::flat_hash_map<std::pair<ParticipantId, GridConnectionId>, size_t> indexes_;
};

}  // namespace

bool IsComplete(const PeriodReadings& readings) {
  return std::all_of(readings.begin(), readings.end(),
                     [](const PointReading& reading) {
                       return reading.present || !reading.expected;
                     });
}

PointReading Screened(PointReading reading) {
  const auto is_possible = [](Energy energy) {
    return energy >= Energy() && PW_MUTANT(kAbsurdReadingsSettle, true, energy <= kReadingMax);
  };
  reading.absurd = reading.present &&
                   !(is_possible(reading.import_energy) && is_possible(reading.export_energy));
  return reading;
}

bool HasAbsurd(const PeriodReadings& readings) {
  return std::any_of(readings.begin(), readings.end(),
                     [](const PointReading& reading) { return reading.absurd; });
}

Substitution Substitute(const PeriodReadings& readings, const PeriodReadings& day_before) {
  Substitution result{readings, std::vector<bool>(readings.size(), false), 0, 0};
  for (size_t i = 0; i < readings.size(); ++i) {
    const PointReading& reading = readings[i];
    const bool is_usable = reading.present && !reading.absurd;
    if (is_usable || (!reading.present && !reading.expected)) continue;
    const bool known = i < day_before.size() && day_before[i].present && !day_before[i].absurd;
    result.readings[i] = known && PW_MUTANT(kSubstitutesAreZero, false, true) ? day_before[i]
                                                                             : PointReading{};
    result.substituted[i] = true;
    ++result.substituted_count;
    if (reading.absurd) ++result.absurd_count;
  }
  return result;
}

SettlementInput ComposeInput(const CommunitySnapshot& snapshot, const GridTariff& tariff,
                             const Scheme& scheme, const Substitution& readings,
                             const std::vector<Trade>& trades) {
  PW_CHECK(readings.readings.size() == snapshot.members.size(), "one reading per member");
  SettlementInput input;
  input.fees = snapshot.fees;
  input.fees.operator_share_ppm =
      scheme.operator_share_ppm.value_or(snapshot.fees.operator_share_ppm);
  const std::string rule =
      scheme.id.empty() ? std::string() : absl::StrCat("schemes/", scheme.id.value());
  if (scheme.operator_share_ppm.has_value()) input.fees.operator_share_rule = rule;
  const auto imbalance = [&](const std::optional<Price>& own, const EnergyPrice& price) {
    return own.has_value() ? EnergyPrice(*own, true, rule) : price;
  };
  input.tariff = tariff;
  input.terms = {scheme.mechanism,
                 scheme.policy,
                 imbalance(scheme.imbalance_purchase, tariff.retail),
                 imbalance(scheme.imbalance_sale, tariff.feed_in),
                 scheme.key,
                 scheme.local_price,
                 rule};
  ConnectionTable table(input.connections);
  absl::flat_hash_map<MeteringPointId, size_t> connection_of;
  for (size_t i = 0; i < snapshot.members.size(); ++i) {
    const Member& member = snapshot.members[i];
    const size_t index = table.IndexOf(member.participant, member.connection);
    connection_of[member.point] = index;
    Connection& connection = input.connections[index];
    connection.import_energy += readings.readings[i].import_energy;
    connection.export_energy += readings.readings[i].export_energy;
    connection.substituted = connection.substituted || readings.substituted[i];
  }
  for (const PointShare& share : scheme.shares) {
    const auto known = connection_of.find(share.point);
    if (known == connection_of.end()) continue;
    Connection& connection = input.connections[known->second];
    connection.coefficient += share.coefficient;
    connection.rank = std::min(connection.rank, share.rank);
  }
  const auto connection_for = [&](const MeteringPointId& point, const ParticipantId& participant) {
    const auto known = connection_of.find(point);
    if (known != connection_of.end() &&
        PW_MUTANT(kTradesFollowThePoint, true,
                  input.connections[known->second].participant == participant)) {
      return known->second;
    }
    return table.IndexOf(participant, GridConnectionId(point.value()));
  };
  input.trades.reserve(trades.size());
  for (const Trade& trade : trades) {
    input.trades.push_back({trade.id, trade.energy, trade.price, trade.network_fee,
                            connection_for(trade.buyer_point, trade.buyer),
                            connection_for(trade.seller_point, trade.seller)});
  }
  return input;
}

}  // namespace peerwatt::settlement
