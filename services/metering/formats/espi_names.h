#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "services/metering/core/series.h"

namespace peerwatt::metering {

inline constexpr char kAtomNamespace[] = "http://www.w3.org/2005/Atom";
inline constexpr char kEspiNamespace[] = "http://naesb.org/espi";
/// Of what stands in ESPI's `extension` elements: `meteringPoint`, `method`.
inline constexpr char kExtensionNamespace[] = "https://peerwatt.dev/ns/espi-extension";

// Codes of ESPI's reading types.
inline constexpr int64_t kFlowForward = 1;
inline constexpr int64_t kFlowReverse = 19;
inline constexpr int64_t kUnitWattHours = 72;
inline constexpr int64_t kKindEnergy = 12;
inline constexpr int64_t kCommodityElectricity = 1;
inline constexpr int64_t kAccumulationDelta = 4;

/// How ESPI's quality codes and ours stand for each other.
struct Provenance {
  Quality quality = Quality::kMeasured;
  Method method = Method::kNone;
  bool operator==(const Provenance&) const = default;
};
/// What a code of QualityOfReading says. Errors: FILE_LINE_INVALID for a code that is none.
absl::StatusOr<Provenance> ProvenanceOf(int64_t code);
/// The code whose quality is that of `provenance`, and its method too where a code has it.
int64_t CodeOf(Provenance provenance);

}  // namespace peerwatt::metering
