#include "services/settlement/core/grid_loss.h"

#include "absl/strings/str_cat.h"
#include "libs/domain/interval.h"
#include "services/settlement/core/mutant.h"

namespace peerwatt::settlement {

GridLoss GridLossOf(const PeriodReadings& boundary, const PeriodTotals& totals,
                    std::optional<Price> retail) {
  GridLoss loss;
  Energy imported;
  Energy exported;
  for (const PointReading& reading : boundary) {
    if (!reading.present && !reading.expected) continue;
    ++loss.boundary_count;
    if (!reading.present || reading.absurd) {
      ++loss.missing_count;
      continue;
    }
    imported += reading.import_energy;
    exported += reading.export_energy;
  }
  if (loss.boundary_count == 0 ||
      PW_MUTANT(kMissingBoundaryCountsAsZero, false, loss.missing_count > 0)) {
    return loss;
  }
  loss.import_energy = imported;
  loss.export_energy = exported;
  loss.energy =
      imported + totals.fed_in - totals.drawn - PW_MUTANT(kExportsAreLost, Energy(), exported);
  loss.price = retail;
  if (retail.has_value()) {
    loss.amount = AmountOf(*loss.energy, *retail,
                           PW_MUTANT(kLossIsRoundedDown, Rounding::kDown, Rounding::kHalfEven));
  }
  return loss;
}

std::optional<JournalEntry> GridLossEntry(absl::Time period_start, int32_t run,
                                          const GridLoss& loss, Money posted) {
  const Money change = loss.amount.value_or(PW_MUTANT(kAbsentLossStaysPosted, posted, Money())) -
                       PW_MUTANT(kLossIsPostedAgain, Money(), posted);
  return MakeEntry("grid-loss", absl::StrCat("grid-loss:", TimeSegment(period_start), ":", run),
                   period_start,
                   {{SystemAccount(AccountKind::kGridLoss), -change},
                    {SystemAccount(AccountKind::kMainGrid), change}});
}

}  // namespace peerwatt::settlement
