#include "services/market/storage/autopilot_rows.h"

#include <string>

#include "absl/container/flat_hash_set.h"
#include "libs/postgres/codec.h"
#include "services/market/storage/autopilot_queries.h"

namespace peerwatt::market {
namespace {

using postgres::Exec;
using postgres::Int64From;
using postgres::TextFrom;
using postgres::ToSqlArray;

std::string At(const AuctionKey& key) { return postgres::ToSql(key.delivery_start); }

}  // namespace

std::vector<WithdrawnQuote> WithdrawQuotes(pqxx::work& tx, const AuctionKey& key) {
  std::vector<WithdrawnQuote> withdrawn;
  for (const auto& row : Exec(tx, kWithdrawQuotes, key.community.value(), At(key))) {
    withdrawn.push_back({OrderId(TextFrom(row[0])), Money::Micros(Int64From(row[1]))});
  }
  return withdrawn;
}

void ReadCommitted(pqxx::work& tx, const AuctionKey& key, Closing& closing) {
  for (const auto& row : Exec(tx, kCommittedByConnection, key.community.value(), At(key))) {
    const GridConnectionId connection(TextFrom(row[0]));
    const Energy energy = Energy::WattHours(Int64From(row[2]));
    if (postgres::BoolFrom(row[1])) {
      closing.committed[connection].bought = energy;
    } else {
      closing.committed[connection].sold = energy;
      closing.offered[connection] = energy;
    }
  }
}

CostByStandingOrder ReadCosts(pqxx::work& tx, const CommunityId& community,
                              const DayBudgets& budgets) {
  CostByStandingOrder costs;
  if (budgets.bounded.empty()) {
    return costs;
  }
  Exec(tx, kSettleReservations, community.value());
  for (const auto& row :
       Exec(tx, kDayCosts, community.value(), postgres::ToSql(budgets.day.start))) {
    costs[{ParticipantId(TextFrom(row[0])), StandingOrderId(TextFrom(row[1]))}] =
        Money::Micros(Int64From(row[2]));
  }
  return costs;
}

void ReserveCosts(pqxx::work& tx, const AuctionKey& key, const DayBudgets& budgets,
                  const std::vector<Order>& orders) {
  if (budgets.bounded.empty()) {
    return;
  }
  const absl::flat_hash_set<StandingOrderName> bounded(budgets.bounded.begin(),
                                                       budgets.bounded.end());
  std::vector<std::string> participants;
  std::vector<std::string> standing_orders;
  std::vector<std::string> ids;
  std::vector<int64_t> micros;
  for (const Order& order : orders) {
    if (order.hold > Money() && bounded.contains({order.participant, order.standing_order})) {
      participants.push_back(order.participant.value());
      standing_orders.push_back(order.standing_order.value());
      ids.push_back(order.id.value());
      micros.push_back(order.hold.micros());
    }
  }
  Exec(tx, kReserveCosts, key.community.value(), At(key), postgres::ToSql(budgets.day.start),
       ToSqlArray(participants), ToSqlArray(standing_orders), ToSqlArray(ids),
       ToSqlArray(micros));
}

}  // namespace peerwatt::market
