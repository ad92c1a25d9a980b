#pragma once

#include <memory>
#include <optional>
#include <vector>

#include <grpcpp/grpcpp.h>

#include "peerwatt/market/v1/market.grpc.pb.h"
#include "services/settlement/core/explain/evidence.h"
#include "services/settlement/core/peers.h"

namespace peerwatt::settlement {

/// Asks the market over gRPC.
class MarketClient final : public MarketPort, public TradeHistory {
 public:
  explicit MarketClient(const std::shared_ptr<grpc::Channel>& channel)
      : stub_(market::v1::MarketInternal::NewStub(channel)) {}

  absl::StatusOr<std::vector<AuctionOutcome>> ListOutcomes(const CommunityId& community,
                                                           Interval span) override;
  absl::StatusOr<std::optional<TradeOrigin>> FindTrade(const CommunityId& community,
                                                       Interval period,
                                                       const TradeId& trade) override;

 private:
  absl::StatusOr<market::v1::ListOutcomesResponse> Ask(const CommunityId& community,
                                                       Interval span);

  std::unique_ptr<market::v1::MarketInternal::Stub> stub_;
};

}  // namespace peerwatt::settlement
