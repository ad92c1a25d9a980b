#pragma once

#include <cstdint>
#include <string>

#include "tests/postgres/market/trading_fixture.h"

namespace peerwatt::market {

/// What was found in one book.
struct Audit {
  /// What is wrong first, or "".
  std::string fault;
  int64_t events = 0;
  int64_t trades = 0;
};

/// Holds events, orders and trades of an open book against each other, a naive book that carries
/// out what the events say was asked, and a follower of the events. `p6` belongs to `p5`.
/// middle: the book at some earlier moment, from which another follower starts.
Audit AuditBook(TradingWorld& world, int interval, const BookOrders& middle);

}  // namespace peerwatt::market
