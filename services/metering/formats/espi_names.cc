#include "services/metering/formats/espi_names.h"

#include <array>

#include "absl/strings/str_cat.h"
#include "services/metering/core/exchange_errors.h"

namespace peerwatt::metering {
namespace {

struct Code {
  int64_t code;
  Provenance provenance;
};

// The first code of a provenance is the one that is written.
// Source: NAESB ESPI 4.0, QualityOfReading.
constexpr std::array<Code, 14> kCodes = {{
    {0, {Quality::kMeasured, Method::kNone}},          // valid
    {7, {Quality::kEstimated, Method::kManual}},       // manually edited
    {8, {Quality::kEstimated, Method::kReferenceDay}}, // estimated using reference day
    {9, {Quality::kEstimated, Method::kLinear}},       // estimated using linear interpolation
    {11, {Quality::kCalculated, Method::kNone}},       // derived
    {12, {Quality::kEstimated, Method::kProfile}},     // projected
    {16, {Quality::kEstimated, Method::kNone}},        // other
    {10, {Quality::kEstimated, Method::kNone}},        // questionable
    {13, {Quality::kEstimated, Method::kNone}},        // mixed
    {14, {Quality::kMeasured, Method::kNone}},         // raw
    {15, {Quality::kCalculated, Method::kNone}},       // normalised for weather
    {17, {Quality::kMeasured, Method::kNone}},         // validated
    {18, {Quality::kMeasured, Method::kNone}},         // verified
    {19, {Quality::kMeasured, Method::kNone}},         // revenue quality
}};

}  // namespace

absl::StatusOr<Provenance> ProvenanceOf(int64_t code) {
  for (const Code& one : kCodes) {
    if (one.code == code) {
      return one.provenance;
    }
  }
  return Error(kFileLineInvalid, absl::StrCat(code, " is no code of a reading's quality"));
}

int64_t CodeOf(Provenance provenance) {
  for (const Code& one : kCodes) {
    if (one.provenance == provenance) {
      return one.code;
    }
  }
  return provenance.method == Method::kNone ? 16 : CodeOf({provenance.quality, Method::kNone});
}

}  // namespace peerwatt::metering
