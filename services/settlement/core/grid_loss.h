#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/time/time.h"
#include "libs/domain/quantities.h"
#include "services/settlement/core/journal_entry.h"
#include "services/settlement/core/period_input.h"
#include "services/settlement/core/settlement.h"

namespace peerwatt::settlement {

/// What crossed the boundary of a community in a period, and what its network lost of it.
struct GridLoss {
  int32_t boundary_count = 0;  ///< points of the boundary; without any, no loss is known
  int32_t missing_count = 0;   ///< of these, without a reading, or with one that cannot be
  /// Drawn from and fed into the main grid at all of them; absent while any is missing.
  std::optional<Energy> import_energy;
  std::optional<Energy> export_energy;
  /// What came in and was not drawn by members or fed out; negative where meters disagree. Absent
  /// with the former two.
  std::optional<Energy> energy;
  std::optional<Price> price;   ///< retail, of the main grid; absent where it is missing
  std::optional<Money> amount;  ///< what the loss is worth; absent unless both are known
  bool operator==(const GridLoss&) const = default;
};

/// The loss of one period: import + fed in - drawn - export, at the retail price, rounded half to
/// even once. A reading that is missing or absurd is not replaced: the loss is absent until it
/// comes. Points that joined later and have no reading do not count.
/// boundary: screened readings of its points. totals: what the period's members come to.
GridLoss GridLossOf(const PeriodReadings& boundary, const PeriodTotals& totals,
                    std::optional<Price> retail);

/// The entry that brings what earlier runs posted to what the loss is worth now: account
/// `grid-loss` pays the main grid; an absent amount is 0. Nothing when they are the same.
/// run: counts from 1. The key is `grid-loss:<period>:<run>`.
std::optional<JournalEntry> GridLossEntry(absl::Time period_start, int32_t run,
                                          const GridLoss& loss, Money posted);

}  // namespace peerwatt::settlement
