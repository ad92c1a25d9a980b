#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "services/market/core/clearing.h"
#include "services/market/core/model.h"
#include "services/market/core/network.h"

namespace peerwatt::market {

/// The two orders of a contract, by their positions in a book.
struct ContractPair {
  uint32_t bid = 0;
  uint32_t offer = 0;
};

/// The contracts whose orders are both active, older first, then by id.
std::vector<ContractPair> ActivePairs(std::span<const Order> orders);

/// Rejects what cannot trade though it could be paid: the order whose counterpart is not active
/// (COUNTER_ORDER_REFUSED), and both orders when a line of the way has too little capacity left by
/// older contracts (LINE_FULL). A line's directions count apart: what flows back frees nothing.
void RefuseContracts(const NetworkVersion& network, std::vector<Order>& orders);

/// The network with what contracts leave of the capacities of its lines; at least 0.
NetworkVersion LessContracts(const NetworkVersion& network, std::span<const Order> orders,
                             const std::vector<ContractPair>& pairs);

/// What a contract trades at.
struct PricedContract {
  ContractPair pair;
  /// Absent when nothing was cleared and the contract says not to trade then.
  std::optional<Price> price;
  /// Of the lines on the cheapest way.
  Price line_fee;
};

/// The prices of contracts once the auction is cleared. The index is the price of the party's zone;
/// where orders had preferences, so that zones have no price, the mean of what sellers of the
/// seller's zone got, or buyers of the buyer's zone paid, by energy, rounded half to even. It is
/// absent when the auction, or with preferences the zone, traded nothing.
/// Errors: kInternal for an order whose price rule cannot be read.
absl::StatusOr<std::vector<PricedContract>> PriceContracts(const NetworkVersion& network,
                                                           std::span<const Order> orders,
                                                           const std::vector<ContractPair>& pairs,
                                                           const ClearingResult& result);

}  // namespace peerwatt::market
