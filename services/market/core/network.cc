#include "services/market/core/network.h"

#include <algorithm>

namespace peerwatt::market {

bool NetworkVersion::HasCapacities() const {
  return std::any_of(lines.edges.begin(), lines.edges.end(), [](const clearing::Edge& line) {
    return line.capacity.has_value() || line.capacity_back.has_value();
  });
}

void FixNetworks(const std::vector<NetworkVersion>& versions, std::vector<Auction>& auctions) {
  for (Auction& auction : auctions) {
    for (const NetworkVersion& version : versions) {
      if (version.start <= auction.key.delivery_start) {
        auction.network = version.id;
      }
    }
  }
}

}  // namespace peerwatt::market
