#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "services/market/core/clearing/book.h"
#include "services/market/core/model.h"

namespace peerwatt::market {

/// A zone as it was cleared.
struct ZoneRecord {
  /// Absent when orders had preferences: then goods have prices, zones have none.
  std::optional<clearing::ZonePrice> price;
  Energy bought;
  Energy sold;
  bool operator==(const ZoneRecord&) const = default;
};

/// Energy of one source from one zone, sold at one price.
struct Good {
  uint32_t zone = 0;
  EnergySource source = EnergySource::kUnknown;
  Price price;
  Energy energy;
  bool operator==(const Good&) const = default;
};

/// How an auction was cleared: what is stored with its outcome, never changed.
struct ClearingRecord {
  /// By zone of the network.
  std::vector<ZoneRecord> zones;
  /// By line of the network.
  std::vector<clearing::EdgeFlow> flows;
  /// By zone, source and price; empty without preferences.
  std::vector<Good> goods;
  Energy requiring;
  Energy requiring_traded;
  Energy premium_traded;
  Energy premium_met;
  Energy withdrawn;
  /// What the checker found; `NONE` is a proof.
  std::string verdict;
  /// SHA-256 of book, rules and outcome, hexadecimal.
  std::string sha256;
  bool operator==(const ClearingRecord&) const = default;
};

/// What moves over each line when energy takes the cheapest way (of equal ones, that found first
/// with lines in their order) from where each deal's offer is to where its bid is.
/// network: without capacities.
std::vector<clearing::EdgeFlow> CheapestFlows(const clearing::Network& network,
                                              const std::vector<clearing::Request>& requests,
                                              const std::vector<clearing::Deal>& deals);

}  // namespace peerwatt::market
