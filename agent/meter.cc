#include "agent/meter.h"

#include <algorithm>

namespace peerwatt::agent {

void Meter::MoveTo(absl::Time time) {
  time = std::min(time, spec_.span.end);
  if (time < position_) {
    register_ = Register();
    position_ = spec_.span.start;
  }
  for (; position_ + length_ <= time; position_ += length_) {
    if (const auto power = spec_.source->MeanPower({position_, position_ + length_})) {
      register_.Add(*power, length_);
    }
  }
}

std::optional<Energy> Meter::Read(absl::Time start) {
  const Interval interval{start, start + length_};
  if (interval.start < spec_.span.start || interval.end > spec_.span.end) return std::nullopt;
  MoveTo(start);
  const Energy before = register_.shown();
  const std::optional<Power> power = spec_.source->MeanPower(interval);
  position_ = interval.end;
  if (!power.has_value()) return std::nullopt;
  register_.Add(*power, length_);
  return register_.shown() - before;
}

Energy Meter::ShownAt(absl::Time time) {
  MoveTo(time);
  return register_.shown();
}

}  // namespace peerwatt::agent
