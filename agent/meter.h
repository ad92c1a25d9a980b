#pragma once

#include <memory>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "agent/register.h"
#include "agent/source.h"

namespace peerwatt::agent {

/// Which register of a metering point a source drives.
enum class Direction { kImport, kExport };

/// What is measured at one metering point.
struct PointSpec {
  std::string metering_point;  ///< `meteringPoints/h01-load`
  Direction direction = Direction::kImport;
  std::shared_ptr<const ReadingSource> source;
  Interval span;  ///< on the interval grid; nothing is read outside
};

/// Reads one metering point through its register. The register stands at zero at the start of the
/// span, so where it stands is a function of the source alone: a restarted agent goes on exactly.
class Meter {
 public:
  /// length: of an interval.
  Meter(PointSpec spec, absl::Duration length)
      : spec_(std::move(spec)), length_(length), position_(spec_.span.start) {}

  /// Energy of the interval that starts at `start`; nothing outside the span or where the source
  /// has no value. Cheap when intervals are read in order; going back reads from the beginning.
  std::optional<Energy> Read(absl::Time start);
  /// What the register shows at `time`.
  Energy ShownAt(absl::Time time);
  const PointSpec& spec() const { return spec_; }

 private:
  void MoveTo(absl::Time time);

  PointSpec spec_;
  absl::Duration length_;
  absl::Time position_;
  Register register_;
};

}  // namespace peerwatt::agent
