#pragma once

#include <string>

#include <grpcpp/grpcpp.h>

#include "libs/base/clock.h"
#include "peerwatt/market/v1/market.grpc.pb.h"
#include "services/market/core/order_desk.h"
#include "services/market/core/order_intake.h"
#include "services/market/core/ports.h"
#include "services/market/core/runner.h"

namespace peerwatt::market {

/// The domain of this service's errors.
inline constexpr char kErrorDomain[] = "market.peerwatt.dev";

/// What the public service stands on.
struct MarketBackends {
  RulesBook& rules;
  OrderDesk& desk;
  OrderIntake& intake;
  OrderStore& orders;
  MarketView& view;
  Registry& registry;
  const Clock& clock;
};

/// The public service: decode → validate → authorise → call → encode.
class MarketService final
    : public peerwatt::market::v1::Market::WithCallbackMethod_CreateOrder<
          peerwatt::market::v1::Market::WithCallbackMethod_WatchAuction<
              peerwatt::market::v1::Market::Service>> {
 public:
  explicit MarketService(const MarketBackends& backends) : backends_(backends) {}

  grpc::Status GetAuction(grpc::ServerContext* context, const v1::GetAuctionRequest* request,
                          v1::Auction* response) override;
  grpc::Status ListAuctions(grpc::ServerContext* context, const v1::ListAuctionsRequest* request,
                            v1::ListAuctionsResponse* response) override;
  grpc::ServerWriteReactor<v1::WatchAuctionResponse>* WatchAuction(
      grpc::CallbackServerContext* context, const v1::WatchAuctionRequest* request) override;
  grpc::ServerUnaryReactor* CreateOrder(grpc::CallbackServerContext* context,
                                        const v1::CreateOrderRequest* request,
                                        v1::Order* response) override;
  grpc::Status GetOrder(grpc::ServerContext* context, const v1::GetOrderRequest* request,
                        v1::Order* response) override;
  grpc::Status ListOrders(grpc::ServerContext* context, const v1::ListOrdersRequest* request,
                          v1::ListOrdersResponse* response) override;
  grpc::Status CancelOrder(grpc::ServerContext* context, const v1::CancelOrderRequest* request,
                           v1::Order* response) override;
  grpc::Status ListTrades(grpc::ServerContext* context, const v1::ListTradesRequest* request,
                          v1::ListTradesResponse* response) override;
  grpc::Status CreateStandingOrder(grpc::ServerContext* context,
                                   const v1::CreateStandingOrderRequest* request,
                                   v1::StandingOrder* response) override;
  grpc::Status GetStandingOrder(grpc::ServerContext* context,
                                const v1::GetStandingOrderRequest* request,
                                v1::StandingOrder* response) override;
  grpc::Status ListStandingOrders(grpc::ServerContext* context,
                                  const v1::ListStandingOrdersRequest* request,
                                  v1::ListStandingOrdersResponse* response) override;
  grpc::Status CancelStandingOrder(grpc::ServerContext* context,
                                   const v1::CancelStandingOrderRequest* request,
                                   v1::StandingOrder* response) override;
  grpc::Status GetMarketProgress(grpc::ServerContext* context,
                                 const v1::GetMarketProgressRequest* request,
                                 v1::MarketProgress* response) override;

 private:
  absl::StatusOr<std::string> CurrencyOf(const CommunityId& community);

  MarketBackends backends_;
};

/// What settlement asks.
class MarketInternalService final : public peerwatt::market::v1::MarketInternal::Service {
 public:
  MarketInternalService(RulesBook& rules, MarketView& view) : rules_(rules), view_(view) {}
  grpc::Status ListOutcomes(grpc::ServerContext* context, const v1::ListOutcomesRequest* request,
                            v1::ListOutcomesResponse* response) override;

 private:
  RulesBook& rules_;
  MarketView& view_;
};

}  // namespace peerwatt::market
