#pragma once

#include <grpcpp/grpcpp.h>

#include "peerwatt/market/v1/trading.grpc.pb.h"
#include "services/market/core/trading/trading_desk.h"
#include "services/market/rpc/market_service.h"

namespace peerwatt::market {

/// Continuous trading.
class TradingService final
    : public peerwatt::market::v1::Trading::WithCallbackMethod_PlaceOrder<
          peerwatt::market::v1::Trading::WithCallbackMethod_WatchOrderBook<
              peerwatt::market::v1::Trading::Service>> {
 public:
  TradingService(const MarketBackends& backends, TradingDesk& desk, TradingView& view)
      : backends_(backends), desk_(desk), view_(view) {}

  grpc::ServerUnaryReactor* PlaceOrder(grpc::CallbackServerContext* context,
                                       const peerwatt::market::v1::PlaceOrderRequest* request,
                                       peerwatt::market::v1::Order* response) override;
  grpc::Status AmendOrder(grpc::ServerContext* context,
                          const peerwatt::market::v1::AmendOrderRequest* request,
                          peerwatt::market::v1::Order* response) override;
  grpc::Status GetOrderBook(grpc::ServerContext* context,
                            const peerwatt::market::v1::GetOrderBookRequest* request,
                            peerwatt::market::v1::OrderBook* response) override;
  grpc::ServerWriteReactor<peerwatt::market::v1::WatchOrderBookResponse>* WatchOrderBook(
      grpc::CallbackServerContext* context,
      const peerwatt::market::v1::WatchOrderBookRequest* request) override;

 private:
  absl::StatusOr<std::string> CurrencyOf(const CommunityId& community);

  const MarketBackends backends_;
  TradingDesk& desk_;
  TradingView& view_;
};

/// Reads `communities/*/auctions/*/orderBook`. Errors: FIELD_INVALID.
absl::StatusOr<AuctionKey> OrderBookFrom(const std::string& name);

}  // namespace peerwatt::market
