#include "services/market/core/clearing/support.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "libs/base/check.h"
#include "libs/domain/arithmetic.h"
#include "services/market/core/clearing/mutant.h"

namespace peerwatt::market::clearing {
namespace {

// price(to) − price(from) lies between these.
struct Gain {
  bool has_low = false;
  int64_t low = 0;
  bool has_high = false;
  int64_t high = 0;
};

Gain GainOf(const Edge& edge, int64_t flow) {
  const bool is_full = edge.capacity.has_value() && flow >= edge.capacity->wh();
  const bool is_full_back = edge.capacity_back.has_value() && -flow >= edge.capacity_back->wh();
  Gain gain;
  // Energy flows only where the price rises by the fee or more, and by more only if the edge is
  // full.
  gain.has_low = flow > 0 || !is_full_back;
  gain.low = flow > 0 ? edge.fee : -edge.fee;
  gain.has_high = flow < 0 || !is_full;
  gain.high = flow < 0 ? -edge.fee : edge.fee;
  return gain;
}

// Raises lows and lowers highs along one edge. Returns whether anything changed.
bool Relax(const Edge& edge, const Gain& gain, std::vector<ZonePrice>& zones) {
  ZonePrice& from = zones[edge.from];
  ZonePrice& to = zones[edge.to];
  const ZonePrice old_from = from;
  const ZonePrice old_to = to;
  if (gain.has_low) {
    to.low = std::max(to.low, from.low + gain.low);
    from.high = std::min(from.high, to.high - gain.low);
  }
  if (gain.has_high) {
    from.low = std::max(from.low, to.low - gain.high);
    to.high = std::min(to.high, from.high + gain.high);
  }
  return from.low != old_from.low || from.high != old_from.high || to.low != old_to.low ||
         to.high != old_to.high;
}

}  // namespace

std::vector<ZonePrice> UnboundedPrices(const Network& network) {
  int64_t bound = kPriceMax.micros_per_kwh();
  for (const Edge& edge : network.edges) {
    bound += edge.fee;
  }
  return std::vector<ZonePrice>(network.zones, {0, -bound, bound});
}

void SupportPrices(const Network& network, std::vector<ZonePrice> own, Outcome& outcome) {
  std::vector<Gain> gains;
  gains.reserve(network.edges.size());
  for (size_t i = 0; i < network.edges.size(); ++i) {
    gains.push_back(GainOf(network.edges[i], outcome.flows[i].energy_wh));
  }
  // There and back: in a tree whose edges run from root to leaf two rounds are enough.
  bool changed = true;
  for (size_t round = 0; changed && PW_MUTANT(kLinesDoNotBoundPrices, false, true); ++round) {
    PW_CHECK(round <= 2 * own.size() + 2, "no prices support the outcome");
    changed = false;
    for (size_t i = gains.size(); i > 0; --i) {
      changed |= Relax(network.edges[i - 1], gains[i - 1], own);
    }
    for (size_t i = 0; i < gains.size(); ++i) {
      changed |= Relax(network.edges[i], gains[i], own);
    }
  }
  for (ZonePrice& zone : own) {
    PW_CHECK(zone.low <= zone.high, "no prices support the outcome");
    zone.price = MulDiv(zone.low + zone.high, 1, 2, Rounding::kDown);
  }
  for (size_t i = 0; i < network.edges.size(); ++i) {
    const Edge& edge = network.edges[i];
    const int64_t gain = own[edge.to].price - own[edge.from].price;
    outcome.flows[i].congestion = std::max<int64_t>((gain < 0 ? -gain : gain) - edge.fee, 0);
  }
  outcome.zones = std::move(own);
}

}  // namespace peerwatt::market::clearing
