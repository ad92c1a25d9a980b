#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "libs/domain/quantities.h"

namespace peerwatt::settlement {

/// Energy of a household or a community over a span, all at least 0.
struct EnergyBalance {
  /// Came in over grid connections; bought from neighbours or the grid.
  Energy drawn;
  /// Went out over grid connections.
  Energy fed_in;
  /// Produced and consumed behind the same connection.
  Energy self_consumed;
  /// Of what was drawn, what neighbours delivered.
  Energy from_neighbours;
  /// Of what was fed in, what neighbours got.
  Energy to_neighbours;
};

/// What the same energy came to, and what it would have been without neighbours. Positive is
/// received, negative is paid.
struct MoneyBalance {
  Money with_neighbours;
  Money without_neighbours;
  bool is_price_missing = false;  ///< part of the energy has no price yet: neither sum is complete
};

/// Figures of a household or a community. Shares are in millionths; absent where nothing was
/// consumed or produced.
struct Kpis {
  /// Of what was consumed, what came from behind the own connection.
  std::optional<int64_t> self_sufficiency_ppm;
  /// Of what was consumed, what came from there or from neighbours.
  std::optional<int64_t> local_share_ppm;
  /// Of what was produced, what was consumed behind the own connection.
  std::optional<int64_t> self_consumption_ppm;
  /// Of what was produced, what was consumed there or by neighbours.
  std::optional<int64_t> local_use_ppm;
  /// What trading with neighbours is worth; below zero when it cost more than the grid. Absent
  /// while a price is missing.
  std::optional<Money> savings;
  /// Emissions of the main grid that local energy took the place of, in grams; absent without a
  /// factor, for nobody guesses one.
  std::optional<int64_t> avoided_co2_g;
};

/// Figures of one household or community.
/// co2_g_per_kwh: what a kilowatt hour of the main grid emits, 0 to 2,000, as the community states
/// it, if it does; local energy counts as free of emissions.
/// Rounding is down, so that nothing is claimed too high.
Kpis KpisOf(const EnergyBalance& energy, const MoneyBalance& money,
            std::optional<int32_t> co2_g_per_kwh);

/// How unevenly a gain is shared, in millionths: 0 when all have the same, towards 1,000,000 when
/// one has all (Gini coefficient, mean absolute difference ÷ twice the mean). Losses count as 0.
/// Absent when nobody gained or there are no members. values: any order.
std::optional<int64_t> GiniPpm(std::vector<Money> values);

/// What was reached of what could have been, in millionths, rounded down; absent without an
/// optimum above zero. reached: welfare of what was delivered; optimum: of what was cleared.
std::optional<int64_t> SharePpm(Money reached, Money optimum);

}  // namespace peerwatt::settlement
