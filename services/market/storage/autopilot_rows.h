#pragma once

#include <vector>

#include "libs/postgres/pool.h"
#include "services/market/core/ports.h"

namespace peerwatt::market {

/// A quote that was withdrawn.
struct WithdrawnQuote {
  OrderId id;
  Money hold;
};

/// Takes open orders of standing orders out of an auction; what they traded stays.
std::vector<WithdrawnQuote> WithdrawQuotes(pqxx::work& tx, const AuctionKey& key);

/// Reads what owners have, and what their offers hold of their connections.
void ReadCommitted(pqxx::work& tx, const AuctionKey& key, Closing& closing);

/// What the day has cost at worst so far; decided orders give back what they cannot cost any more.
/// Asks nothing when none is bounded.
CostByStandingOrder ReadCosts(pqxx::work& tx, const CommunityId& community,
                              const DayBudgets& budgets);

/// Keeps what new orders of bounded standing orders may cost.
void ReserveCosts(pqxx::work& tx, const AuctionKey& key, const DayBudgets& budgets,
                  const std::vector<Order>& orders);

}  // namespace peerwatt::market
