#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "services/metering/core/forecast/history.h"

namespace peerwatt::metering {

/// The weights of the model of generation; chosen by backtest, see docs/forecasts.md.
struct GenerationWeights {
  /// Days over which the best value of a slot is taken.
  size_t envelope_days = 21;
  /// Days over which the usual clearness is taken.
  size_t usual_days = 5;
  /// How long back the present clearness is looked at.
  absl::Duration clearness_window = absl::Hours(2);
  /// The usual clearness weighs as much as the lead over this number at full sun.
  int64_t lead_divisor = 20;
};

/// Generation of a plant that follows the sun: the best value of the same slot in the last weeks
/// (what a clear sky gives), times how clear it is: a mean of the clearness of the latest hours and
/// the usual one, which weighs more the longer the lead. Integers only.
class GenerationModel {
 public:
  /// history: must outlive the model. resolution: of its intervals.
  GenerationModel(const History& history, absl::Duration resolution,
                  const GenerationWeights& weights);

  /// The energy in Wh of an interval that starts `lead` after the last known interval ended;
  /// nothing when the slot was never seen.
  std::optional<int64_t> At(const LocalSlot& target, absl::Duration lead) const;

 private:
  /// Energy that was generated, and what a clear sky would have given in the same intervals.
  struct Clearness {
    int64_t actual_wh = 0;
    int64_t clear_wh = 0;
  };
  Clearness Over(size_t first_interval, size_t end_interval) const;

  static constexpr int64_t kNeverSeen = -1;
  const History& history_;
  const absl::Duration resolution_;
  const GenerationWeights weights_;
  std::vector<int64_t> envelope_wh_;  ///< Per slot.
  int64_t peak_wh_ = 0;               ///< Of the best slot.
  Clearness recent_;
  Clearness usual_;
};

}  // namespace peerwatt::metering
