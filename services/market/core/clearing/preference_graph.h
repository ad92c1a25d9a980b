#pragma once

#include <cstddef>
#include <cstdint>
#include <set>
#include <span>
#include <vector>

#include "services/market/core/clearing/book.h"
#include "services/market/core/clearing/circulation.h"

namespace peerwatt::market::clearing {

/// A book with preferences as one circulation of energy. What an offer sells leaves the *zone*
/// where it is made, goes to the offer's *kind*, from there to the kind of a bid that it may be
/// sold to, into the zone of that bid, and back over the lines, against the way that energy takes
/// on them. So who may trade with whom is kept by the arcs between kinds, and what lines carry is
/// the difference of what is bought and sold on either side, as it is in a wire.
struct PreferenceGraph {
  /// Zones come first, then kinds of orders and what lies between them.
  uint32_t zones = 1;
  uint32_t nodes = 1;
  /// Two for each line (energy `to` → `from`, then back), then those of orders, then those between
  /// kinds. Costs are keys: `scale` per micro-unit; bids and offers are one better than their
  /// limits, so that equal limits trade. No path has so many orders as would add up to a unit.
  std::vector<Arc> arcs;
  size_t first_order_arc = 0;
  size_t first_kind_arc = 0;
  int64_t scale = 1;
  /// A line that can carry this, more than is sold, is never full.
  int64_t line_room_max_wh = 0;
  /// The kind of each order, a node.
  std::vector<uint32_t> kind_of;
  /// By arc of orders, what Ration takes: all orders of one kind in one zone, best first.
  std::vector<std::vector<uint64_t>> ranked;

  /// What each line carries `from` → `to`, without energy that goes round in a circle.
  std::vector<int64_t> LineFlows(const Circulation& circulation) const;
  /// Whether the orders of an arc are offers.
  bool IsOffers(size_t arc) const { return arcs[arc].tail < zones; }
};

/// Builds the graph. Orders are of one kind when nobody tells them apart but by zone: a zone, a
/// type or an account counts as far as some preference names it.
/// book: the orders' entries, energy from 0. apart: owners whose offers must not reach their own
/// bids; each of their kinds is joined to those of others one by one.
/// O(n log n + s p + q p t + q b) for s kinds of offers and b of bids, whose orders have q and p
/// different preferences, and t types.
PreferenceGraph BuildPreferenceGraph(std::span<const Request> requests, std::span<const Entry> book,
                                     std::span<const Preference> preferences,
                                     const Network& network, const std::set<uint32_t>& apart);

/// Whether an offer is what a bid would pay its premium for.
bool MeetsPremium(const Preference& preference, const Request& bid, const Request& offer);

}  // namespace peerwatt::market::clearing
