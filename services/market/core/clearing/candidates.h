#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "services/market/core/clearing/book.h"
#include "services/market/core/clearing/curve.h"

namespace peerwatt::market::clearing {

/// An order whose fill the rough prices leave open, or that bounds a price.
struct Candidate {
  Entry entry;
  uint32_t position = 0;
};

/// Keys below `low` count as `low`, keys above `high` as `high`.
struct Window {
  int64_t low = -kKeyInfinite;
  int64_t high = kKeyInfinite;
};

/// Candidates of all zones, those of a zone together in order of time.
class Candidates {
 public:
  Candidates() = default;
  /// noted: positions in the book, ascending. zone_of: the zone of each order, below `zones`.
  Candidates(std::span<const Entry> book, std::span<const uint32_t> zone_of, uint32_t zones,
             const std::vector<uint32_t>& noted);

  size_t size() const { return all_.size(); }
  std::span<const Candidate> Of(uint32_t zone) const {
    return std::span(all_).subspan(start_of_[zone], start_of_[zone + 1] - start_of_[zone]);
  }

 private:
  std::vector<Candidate> all_;
  std::vector<size_t> start_of_;
};

/// The curve of one zone: its candidates ranked by key, and what lies below and above the window.
/// jumps: written in full.
void RankJumps(std::span<const Candidate> candidates, const Window& window, int64_t below_wh,
               int64_t above_wh, std::vector<Jump>& jumps);

}  // namespace peerwatt::market::clearing
