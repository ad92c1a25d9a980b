#include "services/metering/core/forecast/generation_model.h"

#include <algorithm>

#include "libs/domain/arithmetic.h"

namespace peerwatt::metering {

GenerationModel::GenerationModel(const History& history, absl::Duration resolution,
                                 const GenerationWeights& weights)
    : history_(history),
      resolution_(resolution),
      weights_(weights),
      envelope_wh_(history.calendar.slots_per_day(), kNeverSeen) {
  const size_t rows = history.calendar.day_count();
  // The day that has begun does not count: there is always a full envelope before it.
  const size_t first_row = rows - std::min(rows, weights.envelope_days + 1);
  for (size_t row = rows; row-- > 0;) {
    for (size_t slot = 0; slot < envelope_wh_.size(); ++slot) {
      // An older day only speaks for a slot that was not seen since.
      size_t interval = 0;
      if ((row >= first_row || envelope_wh_[slot] == kNeverSeen) &&
          history.Find(row, slot, interval)) {
        envelope_wh_[slot] = std::max(envelope_wh_[slot], history.energy_wh[interval]);
        peak_wh_ = std::max(peak_wh_, envelope_wh_[slot]);
      }
    }
  }
  size_t end = history.calendar.slots().size();
  while (end > 0 && !history.IsKnown(end - 1)) {
    --end;
  }
  const auto window = static_cast<size_t>(weights.clearness_window / resolution);
  recent_ = Over(end - std::min(end, window), end);
  usual_ = Over(end - std::min(end, weights.usual_days * history.calendar.slots_per_day()), end);
}

GenerationModel::Clearness GenerationModel::Over(size_t first_interval,
                                                 size_t end_interval) const {
  Clearness clearness;
  for (size_t i = first_interval; i < end_interval; ++i) {
    if (history_.IsKnown(i)) {
      clearness.actual_wh += history_.energy_wh[i];
      clearness.clear_wh += std::max<int64_t>(0, envelope_wh_[history_.calendar.slots()[i].slot]);
    }
  }
  return clearness;
}

std::optional<int64_t> GenerationModel::At(const LocalSlot& target, absl::Duration lead) const {
  const int64_t clear_wh = envelope_wh_[target.slot];
  if (clear_wh <= 0 || usual_.clear_wh == 0) {
    return clear_wh == kNeverSeen ? std::nullopt : std::optional<int64_t>(0);
  }
  const int64_t usual_weight_wh =
      MulDiv(peak_wh_, absl::ToInt64Seconds(lead),
             weights_.lead_divisor * absl::ToInt64Seconds(resolution_), Rounding::kHalfEven);
  Clearness mean = usual_;
  if (recent_.clear_wh > 0) {
    mean.actual_wh = recent_.actual_wh + MulDiv(usual_weight_wh, usual_.actual_wh, usual_.clear_wh,
                                                Rounding::kHalfEven);
    mean.clear_wh = recent_.clear_wh + usual_weight_wh;
  }
  return MulDiv(clear_wh, mean.actual_wh, mean.clear_wh, Rounding::kHalfEven);
}

}  // namespace peerwatt::metering
