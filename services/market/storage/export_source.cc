#include <string>
#include <utility>

#include "libs/base/check.h"
#include "libs/base/status_macros.h"
#include "libs/postgres/codec.h"
#include "services/market/storage/rows.h"
#include "services/market/storage/surveillance_queries.h"
#include "services/market/storage/surveillance_store.h"

namespace peerwatt::market {
namespace {

using postgres::Exec;
using postgres::Int32From;
using postgres::Int64From;
using postgres::TextFrom;
using postgres::TimeFrom;

OrderState StateFrom(const std::string& text) {
  for (const OrderState state :
       {OrderState::kPending, OrderState::kActive, OrderState::kCancelled, OrderState::kFilled,
        OrderState::kPartiallyFilled, OrderState::kExpired, OrderState::kRejected}) {
    if (ToSql(state) == text) {
      return state;
    }
  }
  PW_CHECK(false, "unknown order state");
}

ExportedOrder OrderOf(const CommunityId& community, const pqxx::row& row) {
  ExportedOrder exported;
  Order& order = exported.order;
  order.auction = {community, TimeFrom(row[0])};
  exported.delivery_end = TimeFrom(row[1]);
  order.id = OrderId(TextFrom(row[2]));
  order.side = postgres::BoolFrom(row[3]) ? Side::kBid : Side::kOffer;
  order.metering_point = MeteringPointId(TextFrom(row[4]));
  order.participant = ParticipantId(TextFrom(row[5]));
  order.energy = Energy::WattHours(Int64From(row[6]));
  order.limit = Price::MicrosPerKwh(Int64From(row[7]));
  order.filled = Energy::WattHours(Int64From(row[8]));
  order.state = StateFrom(TextFrom(row[9]));
  order.standing_order = StandingOrderId(TextFrom(row[10]));
  order.rejection_reason = TextFrom(row[11]);
  order.create_time = TimeFrom(row[12]);
  order.contract = ContractId(TextFrom(row[13]));
  return exported;
}

ExportedTrade TradeOf(const pqxx::row& row) {
  ExportedTrade exported;
  exported.delivery = {TimeFrom(row[0]), TimeFrom(row[1])};
  exported.trade_time = TimeFrom(row[2]);
  Trade& trade = exported.trade;
  trade.number = Int32From(row[3]);
  trade.bid = OrderId(TextFrom(row[4]));
  trade.offer = OrderId(TextFrom(row[5]));
  trade.energy = Energy::WattHours(Int64From(row[6]));
  trade.price = Price::MicrosPerKwh(Int64From(row[7]));
  trade.buyer_metering_point = MeteringPointId(TextFrom(row[8]));
  trade.seller_metering_point = MeteringPointId(TextFrom(row[9]));
  trade.buyer = ParticipantId(TextFrom(row[10]));
  trade.seller = ParticipantId(TextFrom(row[11]));
  trade.buyer_price = Price::MicrosPerKwh(Int64From(row[12]));
  trade.network_fee = Price::MicrosPerKwh(Int64From(row[13]));
  trade.origin = TradeOriginFrom(TextFrom(row[14]));
  return exported;
}

}  // namespace

absl::StatusOr<std::vector<ExportedOrder>> PostgresExportSource::ListOrders(
    const AuctionKey& after_auction, const OrderId& after, absl::Time end, int32_t limit) {
  std::vector<ExportedOrder> orders;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    orders.clear();
    for (const auto& row : Exec(tx, kExportOrders, after_auction.community.value(),
                                postgres::ToSql(after_auction.delivery_start), after.value(),
                                postgres::ToSql(end), limit)) {
      orders.push_back(OrderOf(after_auction.community, row));
    }
    return absl::OkStatus();
  }));
  return orders;
}

absl::StatusOr<std::vector<ExportedTrade>> PostgresExportSource::ListTrades(
    const AuctionKey& after_auction, int32_t after, absl::Time end, int32_t limit) {
  std::vector<ExportedTrade> trades;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    trades.clear();
    for (const auto& row :
         Exec(tx, kExportTrades, after_auction.community.value(),
              postgres::ToSql(after_auction.delivery_start), after, postgres::ToSql(end), limit)) {
      trades.push_back(TradeOf(row));
    }
    return absl::OkStatus();
  }));
  return trades;
}

}  // namespace peerwatt::market
