#pragma once

#include <pqxx/pqxx>

#include "services/market/core/trading/ports.h"

namespace peerwatt::market {

/// Adds events, changed orders and trades of books, and moves the books on: four statements.
/// writes: of one community; each with events, trades or orders.
void WriteBooks(pqxx::work& tx, const CommunityId& community,
                const std::vector<BookWrites>& writes);

/// Reads the columns of an event from `first` on.
BookEvent BookEventFrom(const pqxx::row& row, int first);

}  // namespace peerwatt::market
