#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace peerwatt::market::surveillance {

/// Energy that one owner sold to another, both by number.
struct Flow {
  int32_t seller = 0;
  int32_t buyer = 0;
  int64_t energy_wh = 0;
};

/// Energy that went round: each owner sold to the next and the last to the first.
struct Ring {
  /// In the order of selling, the smallest number first.
  std::vector<int32_t> owners;
  /// What went all the way round: the least of its flows.
  int64_t energy_wh = 0;
  /// The most of its flows.
  int64_t energy_wh_max = 0;
};

/// What a search finds, and what it may.
struct RingBounds {
  int64_t energy_wh_min = 1;
  int32_t owners_max = 5;
  size_t rings_max = 10'000;
};
struct RingsFound {
  std::vector<Ring> rings;
  /// False when the search ended at a bound.
  bool complete = true;
};

/// Takes rings of three owners and more out of the flows, one after another: the shortest first,
/// of equal length the one whose owners come first; each with the least of its flows, which must
/// reach the minimum.
/// flows: any order, one for each pair and direction, no owner to himself, energy > 0 Wh.
/// steps: flows that may still be looked at; lowered by those that were.
/// Time: a ring of n owners is looked for among owners from whom its start can be reached in n - 1
/// flows; each ring found uses up a flow. Bounded by `steps`, so a crafted day cannot hold up.
RingsFound FindRings(std::vector<Flow> flows, const RingBounds& bounds, int64_t& steps);

}  // namespace peerwatt::market::surveillance
