#pragma once

#include <string>

#include "libs/postgres/codec.h"
#include "services/market/core/controls.h"
#include "services/market/core/model.h"

namespace peerwatt::market {

// Rows with the columns that queries.h names for each kind, in that order.
Auction AuctionFrom(const pqxx::row& row);
Order OrderFrom(const pqxx::row& row);
Trade TradeFrom(const pqxx::row& row);
StandingOrder StandingOrderFrom(const pqxx::row& row);

/// What kShareControls and its like return; without the limits.
Controls ControlsFrom(const pqxx::row& row);
LimitsVersion LimitsVersionFrom(const pqxx::row& row);
KillSwitch KillSwitchFrom(const pqxx::row& row);
ControlEvent ControlEventFrom(const pqxx::row& row);

// Codes of the database.
std::string ToSql(Side side);
std::string ToSql(OrderState state);
std::string ToSql(EnergySource source);
/// When it trades, and what bounds its price.
std::string ToSql(const BookPlace& place);
EnergySource EnergySourceFrom(const std::string& name);

}  // namespace peerwatt::market
