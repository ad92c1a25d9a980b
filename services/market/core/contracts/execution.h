#pragma once

#include <set>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "services/market/core/contracts/values.h"
#include "services/market/core/controls.h"
#include "services/market/core/forecast.h"
#include "services/market/core/network.h"

namespace peerwatt::market {

/// Prefix of the ids of orders that contracts place; clients may not use it.
inline constexpr char kContractPrefix[] = "ct-";
/// Longest id of a contract: its orders' ids are as long as an id may be.
inline constexpr size_t kContractIdMax = 58;
/// `ct-<contract>-b` and `ct-<contract>-o`.
OrderId ContractOrderId(const ContractId& contract, Side side);

/// What contracts meet when an auction closes.
struct ExecutionFacts {
  const Auction& auction;
  const NetworkVersion& network;
  const CommunitySnapshot& snapshot;
  const ForecastsByPoint& forecasts;
  const Closing& closing;
};

/// What contracts come to at gate closure.
struct ContractOrders {
  /// A bid and an offer of each contract that goes on, pending, as long as the contract is old.
  std::vector<Order> orders;
  /// One for each contract that is due.
  std::vector<ContractExecution> executions;
};

/// Places the orders of the contracts that are due: those with a version in force at the start of
/// delivery and a window that it lies in. A share of no output is not due.
///
/// The bid's limit is the highest price that it can come to, the offer's the lowest; their holds
/// cover them, the bid's with the fees of the lines on the way and the flat fee. Contracts go by
/// when they were accepted, then by id; each finds what those before it left of a connection.
///
/// A contract is skipped, with the first reason that applies: MARKET_HALTED,
/// METERING_POINT_UNKNOWN (a point has gone or is another's now), PARTICIPANT_NOT_APPROVED,
/// TRADING_BLOCKED, SELF_DEALING (one beneficial owner), FORECAST_MISSING, ENERGY_OUT_OF_RANGE (by
/// the limits of orders, or more than the buyer's connection can draw), PRICE_OUT_OF_RANGE,
/// EXPORT_CAPACITY_EXCEEDED, ZONES_UNCONNECTED.
/// contracts: active, of the auction's community.
ContractOrders ExecuteContracts(std::vector<Contract> contracts, const ExecutionFacts& facts);

/// The points whose forecast contracts need: all behind the connections of sellers of a share that
/// is due. In the snapshot's order.
std::vector<MeteringPointId> PointsOfShares(const std::vector<Contract>& contracts,
                                            const Auction& auction,
                                            const CommunitySnapshot& snapshot);

/// Whether any contract is due.
bool AnyDue(const std::vector<Contract>& contracts, const Auction& auction);

/// What the orders of contracts among these let each connection buy and sell.
ContractedByConnection ContractedBy(const std::vector<Order>& orders);

}  // namespace peerwatt::market
