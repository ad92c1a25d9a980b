#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "tools/verify/loss.h"
#include "tools/verify/period.h"

namespace peerwatt::verify {

/// A settled period as settlement exported it.
struct PeriodClaim {
  int64_t start = 0;  ///< Unix seconds
  Energies energies;
  int64_t substituted = 0;  ///< readings
  int64_t unpriced = 0;     ///< energies without a price
  std::string scheme;
  Loss loss;
};

/// Reads the file of periods. Errors: INVALID_ARGUMENT with the line.
absl::StatusOr<std::vector<PeriodClaim>> ReadClaims(absl::string_view text);

}  // namespace peerwatt::verify
