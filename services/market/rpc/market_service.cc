#include "services/market/rpc/market_service.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/codec.h"
#include "libs/rpc/names.h"
#include "libs/rpc/paging.h"
#include "libs/rpc/security.h"
#include "libs/rpc/server.h"
#include "services/market/core/errors.h"
#include "services/market/rpc/caller.h"
#include "services/market/rpc/codec.h"
#include "services/market/rpc/listing.h"

namespace peerwatt::market {
namespace {

absl::StatusOr<Interval> SpanOf(const v1::ListAuctionsRequest& request, const rpc::Page& page) {
  Interval span = {absl::UnixEpoch(), kEndOfTime};
  if (request.has_start_time()) {
    PW_ASSIGN_OR_RETURN(span.start, rpc::TimeFrom(request.start_time(), "start_time"));
  }
  if (request.has_end_time()) {
    PW_ASSIGN_OR_RETURN(span.end, rpc::TimeFrom(request.end_time(), "end_time"));
  }
  PW_RETURN_IF_ERROR(BeginAfter(page, span));
  return span;
}

}  // namespace

absl::StatusOr<std::string> MarketService::CurrencyOf(const CommunityId& community) {
  PW_ASSIGN_OR_RETURN(CommunityRules rules, backends_.rules.Find(community));
  return std::move(rules.currency);
}

grpc::Status MarketService::GetAuction(grpc::ServerContext* context,
                                       const v1::GetAuctionRequest* request,
                                       v1::Auction* response) {
  return rpc::Handle(*context, kErrorDomain, [&]() -> absl::Status {
    PW_RETURN_IF_ERROR(rpc::CallerOf(*context).status());
    PW_ASSIGN_OR_RETURN(const AuctionKey key, AuctionKeyFrom(request->name(), "name"));
    PW_ASSIGN_OR_RETURN(const std::string currency, CurrencyOf(key.community));
    PW_ASSIGN_OR_RETURN(const Auction auction, backends_.view.GetAuction(key));
    *response = ToProto(auction, currency);
    return absl::OkStatus();
  });
}

grpc::Status MarketService::ListAuctions(grpc::ServerContext* context,
                                         const v1::ListAuctionsRequest* request,
                                         v1::ListAuctionsResponse* response) {
  return rpc::Handle(*context, kErrorDomain, [&]() -> absl::Status {
    PW_RETURN_IF_ERROR(rpc::CallerOf(*context).status());
    PW_ASSIGN_OR_RETURN(const std::string community,
                        rpc::ParseName1(request->parent(), "communities/*", "parent"));
    PW_ASSIGN_OR_RETURN(const rpc::Page page, rpc::ReadPage(*request));
    PW_ASSIGN_OR_RETURN(const Interval span, SpanOf(*request, page));
    PW_ASSIGN_OR_RETURN(const std::string currency, CurrencyOf(CommunityId(community)));
    PW_ASSIGN_OR_RETURN(
        std::vector<Auction> auctions,
        backends_.view.ListAuctions(CommunityId(community), span, page.limit()));
    if (rpc::CutToPage(page, auctions)) {
      response->set_next_page_token(
          rpc::NextPageToken(*request, TimeSegment(auctions.back().key.delivery_start)));
    }
    for (const Auction& auction : auctions) {
      *response->add_auctions() = ToProto(auction, currency);
    }
    return absl::OkStatus();
  });
}

grpc::Status MarketService::GetOrder(grpc::ServerContext* context,
                                     const v1::GetOrderRequest* request, v1::Order* response) {
  return rpc::Handle(*context, kErrorDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const rpc::Principal caller, rpc::CallerOf(*context));
    PW_ASSIGN_OR_RETURN(const OrderName name, OrderNameFrom(request->name(), "name"));
    PW_ASSIGN_OR_RETURN(const ParticipantId visible, VisibleTo(caller));
    PW_ASSIGN_OR_RETURN(const std::string currency, CurrencyOf(name.auction.community));
    const absl::StatusOr<Order> order = backends_.orders.GetOrder(name.auction, name.order);
    const bool is_hidden =
        order.ok() ? order->participant != visible : ReasonOf(order.status()) == "NOT_FOUND";
    if (!visible.empty() && is_hidden) {
      return Error(kPermissionDenied, "the caller has no such order");
    }
    PW_RETURN_IF_ERROR(order.status());
    *response = ToProto(*order, currency);
    return absl::OkStatus();
  });
}

grpc::Status MarketService::ListOrders(grpc::ServerContext* context,
                                       const v1::ListOrdersRequest* request,
                                       v1::ListOrdersResponse* response) {
  return rpc::Handle(*context, kErrorDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const rpc::Principal caller, rpc::CallerOf(*context));
    PW_ASSIGN_OR_RETURN(const AuctionKey key, AuctionKeyFrom(request->parent(), "parent"));
    PW_ASSIGN_OR_RETURN(const rpc::Page page, rpc::ReadPage(*request));
    PW_ASSIGN_OR_RETURN(const ParticipantId visible, VisibleTo(caller));
    PW_ASSIGN_OR_RETURN(const std::string currency, CurrencyOf(key.community));
    PW_RETURN_IF_ERROR(backends_.view.GetAuction(key).status());
    PW_ASSIGN_OR_RETURN(std::vector<Order> orders,
                        backends_.view.ListOrders(key, visible, {page.after, page.limit()}));
    if (rpc::CutToPage(page, orders)) {
      response->set_next_page_token(rpc::NextPageToken(*request, orders.back().id.value()));
    }
    for (const Order& order : orders) {
      *response->add_orders() = ToProto(order, currency);
    }
    return absl::OkStatus();
  });
}

grpc::Status MarketService::CancelOrder(grpc::ServerContext* context,
                                        const v1::CancelOrderRequest* request,
                                        v1::Order* response) {
  return rpc::Handle(*context, kErrorDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const rpc::Principal caller, Trader(*context));
    PW_ASSIGN_OR_RETURN(const OrderName name, OrderNameFrom(request->name(), "name"));
    PW_ASSIGN_OR_RETURN(const ParticipantId participant, ParticipantOf(caller));
    PW_ASSIGN_OR_RETURN(const std::string currency, CurrencyOf(name.auction.community));
    PW_ASSIGN_OR_RETURN(const Order order,
                        backends_.desk.Cancel(name.auction, name.order, participant,
                                              backends_.clock.Now()));
    *response = ToProto(order, currency);
    return absl::OkStatus();
  });
}

grpc::Status MarketService::ListTrades(grpc::ServerContext* context,
                                       const v1::ListTradesRequest* request,
                                       v1::ListTradesResponse* response) {
  return rpc::Handle(*context, kErrorDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const rpc::Principal caller, rpc::CallerOf(*context));
    PW_ASSIGN_OR_RETURN(const AuctionKey key, AuctionKeyFrom(request->parent(), "parent"));
    PW_ASSIGN_OR_RETURN(const rpc::Page page, rpc::ReadPage(*request));
    int32_t after = 0;
    if (!page.after.empty() && !absl::SimpleAtoi(page.after, &after)) {
      return Error(kPageTokenInvalid, "the page token is malformed");
    }
    PW_ASSIGN_OR_RETURN(const ParticipantId visible, VisibleTo(caller));
    PW_ASSIGN_OR_RETURN(const std::string currency, CurrencyOf(key.community));
    PW_RETURN_IF_ERROR(backends_.view.GetAuction(key).status());
    PW_ASSIGN_OR_RETURN(std::vector<Trade> trades,
                        backends_.view.ListTrades(key, visible, after, page.limit()));
    if (rpc::CutToPage(page, trades)) {
      response->set_next_page_token(
          rpc::NextPageToken(*request, absl::StrCat(trades.back().number)));
    }
    for (const Trade& trade : trades) {
      *response->add_trades() = ToProto(trade, key, currency);
    }
    return absl::OkStatus();
  });
}

grpc::Status MarketService::GetMarketProgress(grpc::ServerContext* context,
                                              const v1::GetMarketProgressRequest* request,
                                              v1::MarketProgress* response) {
  return rpc::Handle(*context, kErrorDomain, [&]() -> absl::Status {
    PW_RETURN_IF_ERROR(rpc::CallerOf(*context).status());
    PW_ASSIGN_OR_RETURN(
        const std::string community,
        rpc::ParseName1(request->name(), "communities/*/marketProgress", "name"));
    PW_ASSIGN_OR_RETURN(const CommunityRules rules, backends_.rules.Find(CommunityId(community)));
    const absl::Time now = backends_.clock.Now();
    PW_ASSIGN_OR_RETURN(const Progress progress,
                        backends_.view.GetProgress(CommunityId(community)));
    response->set_name(request->name());
    *response->mutable_cleared_through_time() =
        rpc::ToProto(progress.cleared_through.value_or(rules.trading_start));
    response->set_open_auction_count(progress.open_auction_count);
    *response->mutable_current_time() = rpc::ToProto(now);
    return absl::OkStatus();
  });
}

}  // namespace peerwatt::market
