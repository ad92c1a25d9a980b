#include "services/market/core/network.h"

namespace peerwatt::market {

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
