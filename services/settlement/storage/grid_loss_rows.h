#pragma once

#include <optional>

#include "libs/postgres/codec.h"
#include "services/settlement/core/grid_loss.h"

namespace peerwatt::settlement {

/// Reads `PW_GRID_LOSS_COLUMNS`; nothing when the period has no boundary.
inline std::optional<GridLoss> GridLossFrom(const pqxx::row& row) {
  if (row["boundary_count"].is_null()) return std::nullopt;
  const auto energy = [&](const char* column) -> std::optional<Energy> {
    const std::optional<int64_t> wh = postgres::OptionalInt64From(row[column]);
    if (!wh.has_value()) return std::nullopt;
    return Energy::WattHours(*wh);
  };
  GridLoss loss;
  loss.boundary_count = postgres::Int32From(row["boundary_count"]);
  loss.missing_count = postgres::Int32From(row["boundary_missing_count"]);
  loss.import_energy = energy("boundary_import_wh");
  loss.export_energy = energy("boundary_export_wh");
  loss.energy = energy("loss_wh");
  const std::optional<int64_t> price =
      postgres::OptionalInt64From(row["loss_price_micros_per_kwh"]);
  if (price.has_value()) loss.price = Price::MicrosPerKwh(*price);
  const std::optional<int64_t> amount = postgres::OptionalInt64From(row["loss_micros"]);
  if (amount.has_value()) loss.amount = Money::Micros(*amount);
  return loss;
}

}  // namespace peerwatt::settlement
