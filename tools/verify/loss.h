#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tools/verify/period.h"
#include "tools/verify/readings.h"
#include "tools/verify/rules.h"

namespace peerwatt::verify {

/// What a community's network lost in a period; without values where that is not known.
struct Loss {
  std::optional<int64_t> import_wh;  ///< from the main grid, at the community's boundary
  std::optional<int64_t> export_wh;  ///< into the main grid
  std::optional<int64_t> loss_wh;    ///< negative where meters disagree
  std::optional<int64_t> micros;     ///< at the retail price of the main grid
  bool operator==(const Loss&) const = default;
};

/// A loss for people.
std::string TextOf(const Loss& loss);

/// Works out the loss of a period from the readings of the boundary and what members moved.
/// first: number of the first boundary point among the readings; the others follow it.
/// retail: micro-units per kWh; without it a loss has no amount.
/// A point that is missing a reading leaves the loss unknown, unless it was created later.
Loss LossAt(int64_t period, const std::vector<BoundaryPoint>& boundaries, uint32_t first,
            const Readings& readings, const Energies& energies,
            std::optional<int64_t> retail);

}  // namespace peerwatt::verify
