#include "services/market/core/autopilot/ramp.h"

#include <algorithm>

#include "services/market/core/autopilot/mutant.h"

namespace peerwatt::market {

absl::Time RampStepStart(Interval window, int32_t step) {
  return window.start + window.length() * step / kRampSteps;
}

int32_t RampStepAt(Interval window, absl::Time time) {
  if (time < window.start) {
    return -1;
  }
  int32_t step = 0;
  while (step < kRampSteps && RampStepStart(window, step + 1) <= time) {
    ++step;
  }
  return step;
}

Price RampPrice(Side side, const std::optional<Price>& start, Price end, int32_t step) {
  if (!start.has_value()) {
    return end;
  }
  const int32_t at = PW_AUTOPILOT_MUTANT(
      kRampBeginsAtItsEnd, kRampSteps - step,
      PW_AUTOPILOT_MUTANT(kRampPassesItsEnd, step + 1, std::clamp(step, 0, kRampSteps)));
  const bool is_up = (side == Side::kOffer) != PW_AUTOPILOT_MUTANT(kRampRoundsAgainstTheOwner,
                                                                   true, false);
  const int64_t way = (end - *start).micros_per_kwh();
  return *start + Price::MicrosPerKwh(
                      MulDiv(way, at, kRampSteps, is_up ? Rounding::kUp : Rounding::kDown));
}

}  // namespace peerwatt::market
