#include "services/market/rpc/trading_service.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/codec.h"
#include "libs/rpc/security.h"
#include "libs/rpc/server.h"
#include "services/market/rpc/caller.h"
#include "services/market/rpc/codec.h"
#include "services/market/rpc/placing.h"

namespace peerwatt::market {
namespace {

constexpr int32_t kLevelsMax = 1000;
constexpr int32_t kLevelsDefault = 100;

void AddLevel(const BookLevel& level, const std::string& currency, v1::OrderBook::Level& proto) {
  *proto.mutable_price_per_kwh() = rpc::ToProto(level.price, currency);
  proto.set_energy_wh(level.energy.wh());
  proto.set_order_count(level.orders);
}

}  // namespace

absl::StatusOr<AuctionKey> OrderBookFrom(const std::string& name) {
  absl::string_view auction = name;
  if (!absl::ConsumeSuffix(&auction, "/orderBook")) {
    return FieldInvalid("name", "must be communities/*/auctions/*/orderBook");
  }
  return AuctionKeyFrom(auction, "name");
}

absl::StatusOr<std::string> TradingService::CurrencyOf(const CommunityId& community) {
  PW_ASSIGN_OR_RETURN(CommunityRules rules, backends_.rules.Find(community));
  return std::move(rules.currency);
}

grpc::ServerUnaryReactor* TradingService::PlaceOrder(grpc::CallbackServerContext* context,
                                                     const v1::PlaceOrderRequest* request,
                                                     v1::Order* response) {
  return StartPlacing(backends_, *context,
                      {request->parent(), request->order_id(), request->order(),
                       request->validate_only(), true},
                      response);
}

grpc::Status TradingService::AmendOrder(grpc::ServerContext* context,
                                        const v1::AmendOrderRequest* request,
                                        v1::Order* response) {
  return rpc::Handle(*context, kErrorDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const rpc::Principal caller, Trader(*context));
    PW_ASSIGN_OR_RETURN(const OrderName name, OrderNameFrom(request->name(), "name"));
    PW_ASSIGN_OR_RETURN(const ParticipantId participant, ParticipantOf(caller));
    PW_ASSIGN_OR_RETURN(const std::string currency, CurrencyOf(name.auction.community));
    PW_ASSIGN_OR_RETURN(const Price limit,
                        rpc::PriceFrom(request->limit_price_per_kwh(), currency,
                                       "limit_price_per_kwh"));
    PW_ASSIGN_OR_RETURN(const Order order,
                        desk_.Amend(name.auction, name.order, participant,
                                    Energy::WattHours(request->energy_wh()), limit));
    *response = ToProto(order, currency);
    return absl::OkStatus();
  });
}

grpc::Status TradingService::GetOrderBook(grpc::ServerContext* context,
                                          const v1::GetOrderBookRequest* request,
                                          v1::OrderBook* response) {
  return rpc::Handle(*context, kErrorDomain, [&]() -> absl::Status {
    PW_RETURN_IF_ERROR(rpc::CallerOf(*context).status());
    PW_ASSIGN_OR_RETURN(const AuctionKey key, OrderBookFrom(request->name()));
    int32_t levels = request->level_count_max();
    if (levels < 0 || levels > kLevelsMax) {
      return FieldInvalid("level_count_max", "must be between 0 and 1000");
    }
    levels = levels == 0 ? kLevelsDefault : levels;
    PW_ASSIGN_OR_RETURN(const std::string currency, CurrencyOf(key.community));
    PW_ASSIGN_OR_RETURN(const BookDepth depth, view_.GetDepth(key, levels));
    response->set_name(request->name());
    response->set_event_number(depth.last_event);
    for (const BookLevel& level : depth.bids) {
      AddLevel(level, currency, *response->add_bids());
    }
    for (const BookLevel& level : depth.offers) {
      AddLevel(level, currency, *response->add_offers());
    }
    return absl::OkStatus();
  });
}

}  // namespace peerwatt::market
