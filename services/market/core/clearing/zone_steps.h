#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "absl/numeric/int128.h"
#include "absl/status/status.h"
#include "services/market/core/clearing/book.h"
#include "services/market/core/clearing/candidates.h"
#include "services/market/core/clearing/curve.h"
#include "services/market/core/clearing/grid.h"

namespace peerwatt::market::clearing {

/// Limits of a zone beyond which its orders are decided, and the energy of both sides beyond them.
struct Decided {
  int64_t below_wh = 0;
  int64_t above_wh = 0;
  int32_t low = 0;
  int32_t high = 0;
};

/// The energy of a book by zone and price step.
class ZoneSteps {
 public:
  /// Adds up the book. zones: of each order. size: how many zones there are.
  /// Errors: BOOK_INVALID (kInvalidArgument).
  absl::Status AddUp(std::span<const Entry> book, std::span<const uint32_t> zones, uint32_t size,
                     Energy energy_min);

  /// What the zone's bids ask for.
  int64_t DemandWh(uint32_t zone) const { return static_cast<int64_t>(demand_[zone]); }
  /// How much lower than an order's key that of its group of steps may be.
  int64_t Rounding(size_t group) const {
    return 4 * static_cast<int64_t>(group) * grid_.width() - 2;
  }
  /// The curve of a zone, its limits rounded down to groups of so many steps (a divisor of
  /// Grid::kSteps). jumps: written in full.
  void AddJumps(uint32_t zone, size_t group, const Window& window, std::vector<Jump>& jumps) const;
  /// What is decided when the zone's price lies in the window: all but the steps of the window and,
  /// as they may bound the price, the nearest on either side that have energy.
  Decided BeyondWindow(uint32_t zone, const Window& window) const;

 private:
  struct Limits {
    int64_t low = 0;
    int64_t high = 0;
    bool is_invalid = false;
    absl::int128 total = 0;
  };
  Limits AddUpOn(std::span<const Entry> book, std::span<const uint32_t> zones, uint32_t size,
                 const Grid& grid, Energy energy_min);
  uint64_t At(uint32_t zone, size_t step) const { return by_step_[zone * Grid::kSteps + step]; }

  Grid grid_;
  std::vector<uint64_t> by_step_;
  std::vector<uint64_t> demand_;
};

}  // namespace peerwatt::market::clearing
