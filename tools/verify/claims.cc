#include "tools/verify/claims.h"

#include <optional>

#include "libs/base/status_macros.h"
#include "tools/verify/csv.h"

namespace peerwatt::verify {

absl::StatusOr<std::vector<PeriodClaim>> ReadClaims(absl::string_view text) {
  PW_ASSIGN_OR_RETURN(
      CsvReader reader,
      CsvReader::Open(text,
                      {"period_start", "drawn_wh", "fed_in_wh", "self_consumed_wh",
                       "delivered_wh", "retail_wh", "surplus_wh", "imbalance_bought_wh",
                       "imbalance_sold_wh", "substituted_count", "price_missing_count",
                       "scheme", "boundary_import_wh", "boundary_export_wh", "grid_loss_wh",
                       "grid_loss_micros"}));
  std::vector<PeriodClaim> claims;
  while (reader.Next()) {
    const auto& fields = reader.fields();
    PeriodClaim& claim = claims.emplace_back();
    PW_ASSIGN_OR_RETURN(claim.start, SecondsFrom(fields[0]));
    Energies& energies = claim.energies;
    size_t column = 1;
    for (int64_t* energy :
         {&energies.drawn, &energies.fed_in, &energies.self_consumed, &energies.delivered,
          &energies.retail, &energies.surplus, &energies.imbalance_bought,
          &energies.imbalance_sold, &claim.substituted, &claim.unpriced}) {
      PW_ASSIGN_OR_RETURN(*energy, NumberFrom(fields[column++]));
    }
    claim.scheme = std::string(fields[column++]);
    Loss& loss = claim.loss;
    for (std::optional<int64_t>* value :
         {&loss.import_wh, &loss.export_wh, &loss.loss_wh, &loss.micros}) {
      const absl::string_view field = fields[column++];
      if (field.empty()) continue;
      PW_ASSIGN_OR_RETURN(*value, NumberFrom(field));
    }
  }
  PW_RETURN_IF_ERROR(reader.status());
  return claims;
}

}  // namespace peerwatt::verify
