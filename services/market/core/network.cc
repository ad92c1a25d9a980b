#include "services/market/core/network.h"

namespace peerwatt::market {

ZoneNumbers::ZoneNumbers(const NetworkVersion& network) {
  for (uint32_t zone = 0; zone < network.zones.size(); ++zone) {
    numbers_.try_emplace(network.zones[zone].value(), zone);
  }
}

uint32_t ZoneNumbers::Of(const ZoneId& zone) const {
  const auto found = numbers_.find(zone.value());
  return found == numbers_.end() ? 0 : found->second;
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
