#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "services/metering/core/ports.h"
#include "services/metering/core/series.h"
#include "services/metering/core/vee/finding.h"

namespace peerwatt::metering {

/// A stored value of a meter's register, its highest revision.
struct RegisterValue {
  std::string meter;
  RegisterKind kind = RegisterKind::kImport;
  absl::Time at;
  int64_t energy_wh = 0;
  int64_t rollover_wh = 0;  ///< The register starts again from 0 when it reaches this; 0: never.
  int32_t revision = 1;
  absl::Time created_at;

  bool operator==(const RegisterValue&) const = default;
};

/// What flowed between two neighbouring values of one meter's register.
struct RegisterPair {
  Interval span;
  Energy difference;

  bool operator==(const RegisterPair&) const = default;
};

/// Pairs of one kind of register in order of time, none overlapping another.
struct RegisterPairs {
  std::vector<RegisterPair> pairs;
  std::vector<Found> findings;  ///< Of neighbours that give no pair.
};

/// Pairs the neighbouring values of each meter. Values of different meters are never paired: a
/// span in which the meter was exchanged has pairs up to the old one's last value and from the new
/// one's first. A lower value is a rollover when the register has one and the energy is plausible.
/// values: any order, any kinds, each (meter, kind, time) once.
RegisterPairs PairsOf(const std::vector<RegisterValue>& values, RegisterKind kind,
                      int64_t capacity_w);

/// The values that a register shows at the boundaries of intervals: those on the grid, and those
/// that follow, as nothing flows between two equal neighbouring values of a meter. Others say
/// nothing about intervals and are left out.
/// filled: in this span all boundaries between equal values are given; outside the first and the
/// last of them, where the values themselves are not on the grid.
std::vector<RegisterValue> OnGrid(const std::vector<RegisterValue>& values,
                                  absl::Duration interval,
                                  std::optional<Interval> filled = std::nullopt);

/// Readings that follow from registers, CALCULATED. A pair one interval apart gives a reading by
/// REGISTER_DIFFERENCE; one several apart, up to an hour, gives equal parts by SPLIT. An interval
/// needs a pair in each direction for which the point has capacity. Intervals that `existing` has
/// measured, or calculated with the same values, are left out.
/// values: also off the grid, see `OnGrid`.
/// existing: one value per interval from `existing_start`; what lies outside is not derived.
std::vector<Series> DeriveReadings(const MeteringPointId& point, const Member& member,
                                   const std::vector<RegisterValue>& values,
                                   absl::Time existing_start, const ReadingColumn& existing);

/// Longest span between two register values that is compared with its intervals.
inline constexpr absl::Duration kRegisterSpanMax = absl::Hours(24 * 62);

/// Says where the intervals between two register values do not sum to their difference, and which
/// registers run backwards. Only neighbours whose span overlaps `days` are judged, and sums only
/// where all intervals have a value in the column.
std::vector<Found> CheckRegisters(Interval days, const Member& member,
                                  const std::vector<RegisterValue>& values,
                                  absl::Time column_start, const ReadingColumn& column);

}  // namespace peerwatt::metering
