#pragma once

#include <string>

#include <grpcpp/grpcpp.h>

#include "services/market/rpc/market_service.h"

namespace peerwatt::market {

/// What a request to place an order says; of a request that lives until it is answered.
struct PlacingRequest {
  const std::string& parent;
  const std::string& order_id;
  const peerwatt::market::v1::Order& order;
  bool validate_only = false;
  /// Whether the order must say when it trades, or must not.
  bool is_continuous = false;
};

/// Decodes and authorises, hands the order to the intake and answers when it is placed.
/// backends and response must live until then.
grpc::ServerUnaryReactor* StartPlacing(const MarketBackends& backends,
                                       grpc::CallbackServerContext& context,
                                       const PlacingRequest& request,
                                       peerwatt::market::v1::Order* response);

}  // namespace peerwatt::market
