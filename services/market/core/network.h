#pragma once

#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "services/market/core/clearing/book.h"
#include "services/market/core/model.h"

namespace peerwatt::market {

/// A version of a community's network, as clearing uses it. Never changed.
struct NetworkVersion {
  /// Empty for a community without a network.
  NetworkId id;
  absl::Time start;
  /// Their positions are the zones' numbers. Orders in a zone that is not here are in the first.
  std::vector<ZoneId> zones = {ZoneId()};
  /// Capacities in Wh per interval.
  clearing::Network lines;
  clearing::Rules rules;
};

/// The numbers of a network's zones; one that it does not have is its first.
/// network: outlives this.
class ZoneNumbers {
 public:
  explicit ZoneNumbers(const NetworkVersion& network);
  uint32_t Of(const ZoneId& zone) const;

 private:
  absl::flat_hash_map<absl::string_view, uint32_t> numbers_;
};

/// Gives each auction the latest version that has started at its delivery; none: one zone.
/// versions: by start.
void FixNetworks(const std::vector<NetworkVersion>& versions, std::vector<Auction>& auctions);

}  // namespace peerwatt::market
